package fetcher

import (
	"errors"
	"testing"

	"go.opentelemetry.io/otel/trace"
)

func TestTable_AnErrorOfTheWholeCallProvesNothingAboutAnyEntry(t *testing.T) {
	t.Parallel()
	table := tableWith(2, 0)
	if _, err := table.Settle(at(1), settlement(committed, committed)); err != nil {
		t.Fatal(err)
	}
	entries, receipts := table.TakeDeletes(10)
	broken := []Failure{{Index: 0, Code: "ReceiptHandleIsInvalid"}} // of an answer that may be anything
	if deleted, givenUp := table.DeletesAnswered(at(1), entries, receipts, broken, errors.New("connection reset")); deleted+givenUp != 0 {
		t.Errorf("%d deleted, %d given up", deleted, givenUp)
	}
	table.Tick(at(2))
	entries, receipts = table.TakeDeletes(10)
	same(t, "deletes after the error", ids(entries), "m0", "m1")
	failed := []Failure{{Index: 0, Code: "InternalError"}, {Index: 1, Code: "ReceiptHandleIsInvalid"}, {Index: 7}}
	if deleted, givenUp := table.DeletesAnswered(at(2), entries, receipts, failed, nil); deleted != 0 || givenUp != 1 {
		t.Errorf("%d deleted, %d given up", deleted, givenUp)
	}
	table.Tick(at(3))
	entries, receipts = table.TakeDeletes(10)
	same(t, "deletes after a failure that may pass", ids(entries), "m0")
	if deleted, _ := table.DeletesAnswered(at(3), entries, receipts, nil, nil); deleted != 1 {
		t.Errorf("%d deleted", deleted)
	}
}

func TestTable_TheMostUrgentExtensionsAreFirst(t *testing.T) {
	t.Parallel()
	table := NewTable(100, 1<<20, visibility, NewBrake(0))
	for i, deadline := range []float64{30, 10, 20, 5, 10} {
		table.Receive(message(i), at(deadline), trace.SpanContext{})
	}
	entries, _ := table.DueExtensions(at(14), 3)
	same(t, "extensions", ids(entries), "m3", "m1", "m4")
	entries, _ = table.DueExtensions(at(14), 3)
	same(t, "the rest of them", ids(entries), "m2")
}
