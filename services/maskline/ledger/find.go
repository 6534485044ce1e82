package ledger

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/maskline/maskline/services/fetcher"
	"github.com/maskline/maskline/services/maskline/traffic"
)

// Span is a span of sent times, from From and before To. The zero value is all of time.
type Span struct{ From, To time.Time }

// Find returns the rows of a message: one, or none, or more if it is doubled. A span is a range of the index on event_id;
// without one the whole table is read.
func (r Rows) Find(ctx context.Context, id string, in Span) (found []Row, err error) {
	columns, err := r.columns(ctx)
	if err != nil {
		return nil, err
	}
	key := KeyOfMessage(id)
	where, args := "substring(uuid_send(event_id) FROM 7) = $1", []any{key[:]}
	if !in.From.IsZero() {
		where += " AND event_id >= $2 AND event_id < $3"
		args = append(args, firstEvent(in.From), firstEvent(in.To))
	}
	rows, err := r.DB.Query(ctx, "SELECT event_id, row_to_json(r)::text FROM (SELECT "+columns+" FROM "+r.quoted()+
		" WHERE "+where+") r ORDER BY event_id", args...)
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", r.Table, err)
	}
	found, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (one Row, err error) {
		one.MessageID = id
		return one, row.Scan(&one.EventID, &one.JSON)
	})
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", r.Table, err)
	}
	return found, nil
}

// firstEvent is the least event id of a time.
func firstEvent(at time.Time) (id [16]byte) {
	binary.BigEndian.PutUint64(id[:8], uint64(max(0, at.UnixMilli()))<<16)
	return id
}

// SentAt is when the row's message was first sent, to the millisecond, in UTC.
func (r Row) SentAt() time.Time {
	return time.UnixMilli(int64(binary.BigEndian.Uint64(r.EventID[:8]) >> 16)).UTC()
}

// FindLetters returns the letters of a message, and how many letters could not be looked at because others hide them. It
// receives all that the queue holds, and gives it back.
func FindLetters(ctx context.Context, queue *traffic.Queue, id string) (found []Letter, unread int, err error) {
	pass := queue.Look(fetcher.OriginAttribute, fetcher.RejectAttribute)
	defer func() { err = errors.Join(err, pass.Close(ctx)) }()
	if err := eachLetter(ctx, pass, func(l Letter) {
		if l.ID == id {
			found = append(found, l)
		}
	}); err != nil {
		return nil, 0, err
	}
	unread, err = pass.Unread(ctx)
	return found, unread, err
}
