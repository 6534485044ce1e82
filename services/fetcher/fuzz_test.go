package fetcher

import (
	"testing"

	"google.golang.org/protobuf/proto"

	relayv1 "github.com/maskline/maskline/proto/gen/maskline/relay/v1"
)

// FuzzSettle feeds a table with whatever a masker could send. Whatever it is, no message may leave the table by it, and
// only a success may lead to a delete.
func FuzzSettle(f *testing.F) {
	for _, s := range []*relayv1.Settlement{
		settlement(committed, rejected, sendAgain), settlement(committed), settlement(0, 99, duplicate),
		{BatchId: 1, RecordCount: 3, Outcome: &relayv1.Settlement_AllCommitted{AllCommitted: &relayv1.AllCommitted{}}}, {},
	} {
		seed, err := proto.Marshal(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		s := &relayv1.Settlement{}
		if proto.Unmarshal(frame, s) != nil {
			return
		}
		table := tableWith(3, 2)
		out, err := table.Settle(at(1), s)
		if records, _ := table.InFlight(); records != 3 {
			t.Fatalf("%d of 3 messages in flight", records)
		}
		deletes, _ := table.TakeDeletes(10)
		if got := out.Committed + out.Duplicate + out.Skipped; len(deletes) != got || err != nil && got > 0 {
			t.Fatalf("%d deletes for %d successes, %v", len(deletes), got, err)
		}
		letters, _ := table.TakeLetters(10)
		again := len(table.Frame(true))
		table.Tick(at(10))
		if err == nil {
			again = len(table.Frame(true))
		}
		if s.GetBatchId() == 1 && len(deletes)+len(letters)+again+out.Parked != 3 {
			t.Fatalf("%d deletes, %d letters, %d again, %d parked of 3", len(deletes), len(letters), again, out.Parked)
		}
	})
}
