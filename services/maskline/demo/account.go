package demo

import (
	"context"
	"time"

	"github.com/maskline/maskline/pkg/telemetry"
	"github.com/maskline/maskline/services/maskline/ledger"
)

// account looks into the table and the dead-letter queue, and tells the rest of the story.
func (r *run) account(ctx context.Context, ids []string, totals map[string]uint64) (a ledger.Account, err error) {
	db, err := r.box.Connect(ctx)
	if err != nil {
		return a, err
	}
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = db.Close(end)
	}()
	rows := ledger.Rows{DB: db, Table: r.box.Table}
	a = ledger.Account{
		Sent:      r.book.Sent(),
		Received:  r.witness.received(),
		Committed: int(totals[telemetry.CounterCommitted]),
		Duplicate: int(totals[telemetry.CounterDuplicate]),
		Skipped:   int(totals[telemetry.CounterSkipped]),
		Rejected:  int(totals[telemetry.CounterRejected]),
	}
	if a.RowsInTable, err = rows.Count(ctx); err != nil {
		return a, err
	}
	letters, err := ledger.ReadLetters(ctx, r.box.DeadLetters.Client, r.box.DeadLetters.URL)
	if err != nil {
		return a, err
	}
	a.DeadLettered = len(letters)
	for id := range letters {
		r.book.Letter(id)
	}
	if err := rows.Enter(ctx, r.book); err != nil {
		return a, err
	}
	a.Lost = r.book.Lost(a.Skipped)
	a.Seconds = time.Since(r.began).Round(10 * time.Millisecond).Seconds()
	if r.Rows != nil {
		if err := rows.Write(ctx, r.book, r.Rows); err != nil {
			return a, err
		}
	}
	return a, r.tellEnd(ctx, rows, ids, letters, a)
}
