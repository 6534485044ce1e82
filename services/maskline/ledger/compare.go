package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

const (
	dateColumn = "create_date"
	dayMS      = 24 * 60 * 60 * 1000
)

// readRows streams the table past the ledger. Two event ids of one message differ in their time, which comes first.
func (j *judge) readRows(ctx context.Context, rows Rows) error {
	columns := expectedColumns(j.sent)
	dated, err := rows.check(ctx, columns)
	if err != nil {
		return err
	}
	day := "NULL::integer"
	if dated {
		day = "(" + pgx.Identifier{dateColumn}.Sanitize() + "::date - DATE '1970-01-01')::integer"
	}
	selected := []string{"event_id::uuid", day}
	for _, c := range columns {
		selected = append(selected, pgx.Identifier{c}.Sanitize()+"::text")
	}
	// Binary, so that a row is compared where it lies in the driver's buffer.
	stream, err := rows.DB.Query(ctx, "SELECT "+strings.Join(selected, ", ")+" FROM "+rows.quoted()+" WHERE event_id IS NOT NULL ORDER BY event_id",
		pgx.QueryExecModeDescribeExec, pgx.QueryResultFormats{pgx.BinaryFormatCode})
	if err != nil {
		return fmt.Errorf("table %s: %w", rows.Table, err)
	}
	defer stream.Close()
	for stream.Next() {
		raw := stream.RawValues()
		j.row(raw[0], raw[1], dated, columns, raw[2:])
	}
	if err := stream.Err(); err != nil {
		return fmt.Errorf("table %s: %w", rows.Table, err)
	}
	return nil
}

// row notes one row and compares it. Values are read in place and kept nowhere.
func (j *judge) row(event, day []byte, dated bool, columns []string, values [][]byte) {
	j.f.Rows++
	i, known := j.index[Key(event[6:])]
	if !known {
		j.strange(event, columns, values)
		return
	}
	j.seen[i].rows++
	e := &j.sent[i]
	if e.Row == nil {
		return // reported as bad in the table
	}
	var wrong []string
	for at, column := range columns {
		if want, named := e.Row[column]; named && !same(values[at], want) {
			wrong = append(wrong, column)
		}
	}
	if dated && !rightDay(event, day) {
		wrong = append(wrong, dateColumn)
	}
	if len(wrong) > 0 {
		j.f.Wrong.add(j.Most, e.ID+": "+strings.Join(wrong, ", "))
	}
}

func same(got []byte, want *string) bool {
	if got == nil || want == nil {
		return got == nil && want == nil
	}
	return string(got) == *want
}

// rightDay holds a date against the time in front of the event id. UUIDs of before 1970 there are none.
func rightDay(event, day []byte) bool {
	sentMS := binary.BigEndian.Uint64(event[:8]) >> 16
	return len(day) == 4 && uint64(binary.BigEndian.Uint32(day)) == sentMS/dayMS
}

// strange reports a row that nobody in the ledger has sent. If it equals the row of one who has, that message is doubled:
// a copy under another MessageId, such as SQS' own redrive makes, is the same login a second time.
func (j *judge) strange(event []byte, columns []string, values [][]byte) {
	if j.byRow == nil {
		j.byRow = make(map[[16]byte]int32, len(j.sent))
		texts := make([][]byte, len(columns))
		for i, e := range j.sent {
			if e.Row == nil {
				continue
			}
			for at, column := range columns {
				texts[at] = nil
				if text := e.Row[column]; text != nil {
					texts[at] = []byte(*text)
				}
			}
			j.byRow[fingerprint(texts)] = int32(i)
		}
	}
	i, known := j.byRow[fingerprint(values)]
	if !known {
		j.stranger("row " + hex.EncodeToString(event))
		return
	}
	j.seen[i].rows++
	j.f.Strangers.add(j.Most, "row "+hex.EncodeToString(event)+", of message "+j.sent[i].ID)
}

// fingerprint tells rows apart, NULL from the empty text too.
func fingerprint(values [][]byte) [16]byte {
	h := sha256.New()
	var length [8]byte
	for _, v := range values {
		binary.BigEndian.PutUint64(length[:], uint64(len(v)))
		if v == nil {
			length = [8]byte{0xff}
		}
		h.Write(length[:])
		h.Write(v)
	}
	return [16]byte(h.Sum(nil))
}

// expectedColumns are all that some expected row names.
func expectedColumns(sent []Expected) []string {
	columns := map[string]struct{}{}
	for _, e := range sent {
		for column := range e.Row {
			columns[column] = struct{}{}
		}
	}
	return slices.Sorted(maps.Keys(columns))
}

// check says whether the table has all of these columns, and whether it has a date.
func (r Rows) check(ctx context.Context, columns []string) (dated bool, err error) {
	has, err := r.columnNames(ctx)
	if err != nil {
		return false, err
	}
	for _, c := range columns {
		if !slices.Contains(has, c) {
			return false, fmt.Errorf("table %s: it has no column %s", r.Table, c)
		}
	}
	return slices.Contains(has, dateColumn), nil
}
