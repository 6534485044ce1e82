package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/maskline/maskline/services/maskline/ledger"
	"github.com/maskline/maskline/services/maskline/traffic"
)

// shown is how many rows are shown.
const shown = 3

// say prints one line. A reader who has gone away changes nothing of the account.
func (r *run) say(format string, args ...any) { _, _ = fmt.Fprintf(r.Story, format+"\n", args...) }

func (r *run) tellStart() {
	r.say("Maskline demo. All of it runs on this machine and is removed at the end.\n")
	r.say("  queue     %s", r.box.Queue.URL)
	r.say("  Postgres  127.0.0.1:%d, with the table %s", r.box.Port, r.box.Table)
	r.say("  services  fetcher -> masker -> writer, joined by gRPC over loopback")
}

func (r *run) tellSent() {
	malformed := 0
	for _, m := range r.Messages {
		if m.Malformed {
			malformed++
		}
	}
	if r.Generated {
		r.say("\nSent %s, %d of them malformed. Now they flow ...", count(r.book.Sent(), "invented login"), malformed)
	} else {
		r.say("\nSent %s. Now they flow ...", count(r.book.Sent(), "message"))
	}
}

func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

func (r *run) tellEnd(ctx context.Context, rows ledger.Rows, ids []string, letters map[string]string, a ledger.Account) error {
	if err := r.tellRows(ctx, rows, ids); err != nil {
		return err
	}
	reasons := map[string]int{}
	for _, reason := range letters {
		reasons[reason]++
	}
	if len(reasons) > 0 {
		r.say("\nWhat could not become a row is in the dead-letter queue, with the reason:\n")
	}
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		r.say("  %6d  %s", reasons[reason], reason)
	}
	r.say("\nThe account, taken from outside:\n")
	r.say("  %6d  sent to the queue", a.Sent)
	r.say("  %6d  received by the fetcher", a.Received)
	r.say("  %6d  committed, %d duplicate, %d skipped, %d rejected", a.Committed, a.Duplicate, a.Skipped, a.Rejected)
	r.say("  %6d  rows in the table (SELECT count)", a.RowsInTable)
	r.say("  %6d  in the dead-letter queue (read from it)", a.DeadLettered)
	r.say("  %6d  lost", a.Lost)
	r.say("\nDone in %.1f s.", a.Seconds)
	return nil
}

// errEnough ends the reading of rows early.
var errEnough = errors.New("enough")

// tellRows shows a few rows of generated messages beside what was sent. Those of a file hold values that are not ours to
// print, in the columns that are not masked.
func (r *run) tellRows(ctx context.Context, rows ledger.Rows, ids []string) error {
	if !r.Generated {
		r.say("\nRows of your own file are not shown; --rows OUT.jsonl writes them.")
		return nil
	}
	bodies := make(map[string]traffic.Message, len(ids))
	for i, id := range ids {
		bodies[id] = r.Messages[i]
	}
	told := 0
	err := rows.Each(ctx, r.book, func(row ledger.Row) error {
		if told == 0 {
			r.say("\nWhat becomes of a login:")
		}
		if told++; told > shown {
			return errEnough
		}
		r.tellRow(bodies[row.MessageID], row)
		return nil
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// tellRow shows the fields whose values change on the way.
func (r *run) tellRow(sent traffic.Message, row ledger.Row) {
	before, after := fields([]byte(sent.Body)), fields(row.JSON)
	r.say("\n  user %s", after["user_id"])
	for _, pair := range [][2]string{{"ip", "masked_ip"}, {"device_id", "masked_device_id"}, {"app_version", "app_version"}} {
		if value, ok := after[pair[1]]; ok {
			r.say("    %-12s %-23s ->  %s", pair[0], before[pair[0]], value)
		}
	}
}

// fields are the values of an object as text.
func fields(object []byte) map[string]string {
	var values map[string]json.RawMessage
	if json.Unmarshal(object, &values) != nil {
		return nil
	}
	texts := make(map[string]string, len(values))
	for name, value := range values {
		texts[name] = strings.Trim(string(value), `"`)
	}
	return texts
}
