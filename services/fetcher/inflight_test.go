package fetcher

import (
	"fmt"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/maskline/maskline/pkg/relay"
	relayv1 "github.com/maskline/maskline/proto/gen/maskline/relay/v1"
)

const (
	committed = byte(relayv1.Verdict_VERDICT_COMMITTED)
	duplicate = byte(relayv1.Verdict_VERDICT_DUPLICATE)
	skipped   = byte(relayv1.Verdict_VERDICT_SKIPPED)
	rejected  = byte(relayv1.Verdict_VERDICT_REJECTED)
	sendAgain = byte(relayv1.Verdict_VERDICT_RETRY)
)

const visibility = 30 * time.Second

func at(seconds float64) time.Time {
	return time.Unix(1_700_000_000, 0).Add(time.Duration(seconds * float64(time.Second)))
}

// tableWith has n messages in flight, m0 …, all in batch 1.
func tableWith(n int, brake int) *Table {
	t := NewTable(10_000, 1<<30, visibility, NewBrake(brake))
	for i := range n {
		t.Receive(message(i), at(0).Add(visibility), trace.SpanContext{})
	}
	t.Sent(1, t.Frame(true), trace.SpanContext{})
	return t
}

func message(i int) Message {
	return Message{ID: fmt.Sprintf("m%d", i), Receipt: fmt.Sprintf("h%d", i), Body: []byte("{}"), SentMS: 1_700_000_000_000}
}

func settlement(verdicts ...byte) *relayv1.Settlement {
	s := &relayv1.Settlement{BatchId: 1, RecordCount: uint32(len(verdicts)), Outcome: &relayv1.Settlement_Verdicts{Verdicts: verdicts}}
	for i, v := range verdicts {
		if v == rejected {
			s.Rejections = append(s.Rejections, &relayv1.Rejection{Index: uint32(i), Reason: "missing", Column: "user_id"})
		}
	}
	return s
}

func ids(entries []*Entry) (all []string) {
	for _, e := range entries {
		all = append(all, e.Message.ID)
	}
	return all
}

func same(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestTable_NothingIsDeletedBeforeItsSettlement(t *testing.T) {
	t.Parallel()
	table := NewTable(100, 1<<20, visibility, NewBrake(0))
	table.Receive(message(0), at(30), trace.SpanContext{})
	due := func() []string { entries, _ := table.TakeDeletes(10); return ids(entries) }
	same(t, "deletes while held", due())
	table.Sent(1, table.Frame(true), trace.SpanContext{})
	same(t, "deletes while sent", due())
	if _, err := table.Settle(at(1), settlement(committed)); err != nil {
		t.Fatal(err)
	}
	same(t, "deletes after the settlement", due(), "m0")
}

func TestTable_EachVerdictHasItsWay(t *testing.T) {
	t.Parallel()
	table := tableWith(6, 0)
	out, err := table.Settle(at(1), settlement(committed, duplicate, skipped, rejected, sendAgain, 99))
	if err != nil {
		t.Fatal(err)
	}
	if out.Committed != 1 || out.Duplicate != 1 || out.Skipped != 1 || len(out.Rejected) != 1 || out.Retried != 2 {
		t.Errorf("settled %+v", out)
	}
	deletes, _ := table.TakeDeletes(10)
	same(t, "deletes", ids(deletes), "m0", "m1", "m2")
	letters, _ := table.TakeLetters(10)
	same(t, "dead letters", ids(letters), "m3")
	table.Tick(at(1.1))
	same(t, "sent again at once", ids(table.Frame(true)))
	table.Tick(at(2))
	same(t, "sent again", ids(table.Frame(true)), "m4", "m5")
}

func TestTable_VerdictZeroMeansSendAgain(t *testing.T) {
	t.Parallel()
	table := tableWith(1, 0)
	out, err := table.Settle(at(1), settlement(byte(relayv1.Verdict_VERDICT_UNSPECIFIED)))
	if err != nil || out.Retried != 1 {
		t.Errorf("settled %+v, %v", out, err)
	}
	if deletes, _ := table.TakeDeletes(10); len(deletes) > 0 {
		t.Error("a record without a verdict is to be deleted")
	}
}

func TestTable_ASettlementThatDoesNotFitSettlesNothing(t *testing.T) {
	t.Parallel()
	wrongCount := settlement(committed, committed)
	wrongCount.RecordCount = 3
	for name, s := range map[string]*relayv1.Settlement{
		"too few verdicts":     settlement(committed),
		"too many verdicts":    settlement(committed, committed, committed),
		"wrong count":          wrongCount,
		"all committed, fewer": {BatchId: 1, RecordCount: 1, Outcome: &relayv1.Settlement_AllCommitted{}},
		"no outcome":           {BatchId: 1, RecordCount: 2},
		"all of another batch": {BatchId: 1, RecordCount: 3, Outcome: &relayv1.Settlement_AllCommitted{AllCommitted: &relayv1.AllCommitted{}}},
	} {
		table := tableWith(2, 0)
		if _, err := table.Settle(at(1), s); err == nil {
			t.Errorf("%s: accepted", name)
		}
		if deletes, _ := table.TakeDeletes(10); len(deletes) > 0 {
			t.Errorf("%s: %d messages are to be deleted", name, len(deletes))
		}
		same(t, name+": sent again", ids(table.Frame(true)), "m0", "m1")
	}
}

func TestTable_ASettlementOfAnUnknownBatchIsIgnored(t *testing.T) {
	t.Parallel()
	table := tableWith(1, 0)
	s := settlement(committed)
	s.BatchId = 2
	if _, err := table.Settle(at(1), s); err == nil {
		t.Error("accepted")
	}
	table.Return([]uint64{1})
	if _, err := table.Settle(at(1), settlement(committed)); err == nil {
		t.Error("a late settlement was accepted though the batch had come back")
	}
}

func TestTable_ARedeliveryBringsTheHandleThatCounts(t *testing.T) {
	t.Parallel()
	table := tableWith(1, 0)
	again := message(0)
	again.Receipt = "newer"
	if _, fresh := table.Receive(again, at(60), trace.SpanContext{}); fresh {
		t.Error("a redelivery was taken for a new message")
	}
	same(t, "forwarded again", ids(table.Frame(true)))
	if _, err := table.Settle(at(1), settlement(committed)); err != nil {
		t.Fatal(err)
	}
	if _, receipts := table.TakeDeletes(10); len(receipts) != 1 || receipts[0].Handle != "newer" {
		t.Errorf("deletes with %v", receipts)
	}
}

func TestTable_ASuccessWithAnOldHandleProvesNothing(t *testing.T) {
	t.Parallel()
	table := tableWith(1, 0)
	if _, err := table.Settle(at(1), settlement(committed)); err != nil {
		t.Fatal(err)
	}
	entries, receipts := table.TakeDeletes(10)
	again := message(0)
	again.Receipt = "newer"
	table.Receive(again, at(60), trace.SpanContext{})
	if table.Deleted(entries[0], receipts[0]) {
		t.Error("gone, though a newer delivery is about")
	}
	entries, receipts = table.TakeDeletes(10)
	if len(receipts) != 1 || receipts[0].Handle != "newer" || !table.Deleted(entries[0], receipts[0]) {
		t.Errorf("the delete was not repeated with the newer handle: %v", receipts)
	}
}

func TestTable_CreditComesBackOnceAndOnlyAtTheEnd(t *testing.T) {
	t.Parallel()
	table := NewTable(10, 1<<20, visibility, NewBrake(0))
	if !table.Reserve(10, 100) || table.Reserve(1, 100) {
		t.Fatal("ten of ten records must fit, and no more")
	}
	table.Receive(message(0), at(30), trace.SpanContext{})
	table.Refund(10, 100)
	if !table.Reserve(9, 100) || table.Reserve(1, 100) {
		t.Fatal("one record is in flight: nine must fit, and no more")
	}
	table.Sent(1, table.Frame(true), trace.SpanContext{})
	if _, err := table.Settle(at(1), settlement(committed)); err != nil {
		t.Fatal(err)
	}
	entries, receipts := table.TakeDeletes(10)
	table.DeleteFailed(at(1), entries[0], receipts[0], false)
	if table.Reserve(1, 100) {
		t.Fatal("a failed delete gave its credit back")
	}
	table.Tick(at(2))
	entries, receipts = table.TakeDeletes(10)
	if len(entries) != 1 {
		t.Fatal("a failed delete is not tried again")
	}
	table.Deleted(entries[0], receipts[0])
	table.Drop(entries[0]) // a second end must not give it back twice
	if !table.Reserve(1, 100) || table.Reserve(1, 100) {
		t.Error("the credit of one record must be back, and no more")
	}
}

func TestTable_AHandleThatCanNeverSucceedIsGivenUp(t *testing.T) {
	t.Parallel()
	table := tableWith(1, 0)
	if _, err := table.Settle(at(1), settlement(committed)); err != nil {
		t.Fatal(err)
	}
	entries, receipts := table.TakeDeletes(10)
	if !table.DeleteFailed(at(1), entries[0], receipts[0], true) {
		t.Error("not given up")
	}
	if records, bytes := table.InFlight(); records != 0 || bytes != 0 {
		t.Errorf("%d records, %d bytes still in flight", records, bytes)
	}
}

func TestTable_ABrokenStreamsBatchIsSentAgainFirst(t *testing.T) {
	t.Parallel()
	table := tableWith(2, 0)
	table.Receive(message(2), at(30), trace.SpanContext{})
	if n := table.Return([]uint64{1, 77}); n != 2 {
		t.Errorf("%d records returned", n)
	}
	same(t, "next frame", ids(table.Frame(true)), "m0", "m1", "m2")
}

func TestTable_FramesAreBoundedInRecordsAndBytes(t *testing.T) {
	t.Parallel()
	table := NewTable(10_000, 1<<30, visibility, NewBrake(0))
	for i := range 600 {
		table.Receive(message(i), at(30), trace.SpanContext{})
	}
	if n := len(table.Frame(false)); n != relay.MaxFrameRecords {
		t.Errorf("a frame of %d records", n)
	}
	table.Sent(1, table.Frame(false), trace.SpanContext{})
	if n := len(table.Frame(false)); n != 0 {
		t.Errorf("a partial frame of %d though only full ones were asked for", n)
	}
	large := message(1000)
	large.Body = make([]byte, relay.MaxFrameBytes)
	table.Receive(large, at(30), trace.SpanContext{})
	if n := len(table.Frame(false)); n != 100 {
		t.Errorf("a frame of %d records before the large one, want 100", n)
	}
	table.Sent(2, table.Frame(false), trace.SpanContext{})
	same(t, "the large one travels alone", ids(table.Frame(true)), "m1000")
}

func TestTable_VisibilityIsExtendedAtHalfItsLife(t *testing.T) {
	t.Parallel()
	table := tableWith(1, 0)
	if due, _ := table.DueExtensions(at(14.9), 10); len(due) != 0 {
		t.Error("extended before half its life")
	}
	due, receipts := table.DueExtensions(at(15), 10)
	same(t, "due", ids(due), "m0")
	if again, _ := table.DueExtensions(at(15), 10); len(again) != 0 {
		t.Error("extended twice at a time")
	}
	table.Extended(due[0], receipts[0], at(45))
	if again, _ := table.DueExtensions(at(29), 10); len(again) != 0 {
		t.Error("due again too early")
	}
	due, receipts = table.DueExtensions(at(30), 10)
	same(t, "due again", ids(due), "m0")
	if table.ExtendFailed(due[0], receipts[0], true) {
		t.Error("a message that was sent downstream must await its verdict")
	}
	if _, err := table.Settle(at(31), settlement(committed)); err != nil {
		t.Error(err)
	}
}

func TestTable_ReleaseGivesBackOnlyWhatNobodyHasSeen(t *testing.T) {
	t.Parallel()
	table := tableWith(2, 0)
	table.Return([]uint64{1}) // m0 and m1 may be in the table already
	table.Receive(message(2), at(30), trace.SpanContext{})
	receipts := table.Release()
	if len(receipts) != 1 || receipts[0].ID != "m2" {
		t.Errorf("released %v", receipts)
	}
	same(t, "still to be sent", ids(table.Frame(true)), "m0", "m1")
	if n := table.Held(); n != 2 {
		t.Errorf("%d held", n)
	}
}

func TestTable_TheBrakeHoldsEqualRejectionsBackAndACommitLetsThemTryAgain(t *testing.T) {
	t.Parallel()
	table := tableWith(5, 3)
	out, err := table.Settle(at(1), settlement(rejected, rejected, rejected, rejected, rejected))
	if err != nil || len(out.Rejected) != 3 || out.Parked != 2 {
		t.Fatalf("settled %+v, %v", out, err)
	}
	table.Probe()
	frame := table.Frame(true)
	same(t, "probe", ids(frame), "m3")
	table.Sent(1, frame, trace.SpanContext{})
	out, err = table.Settle(at(2), settlement(committed))
	if err != nil || !out.Released {
		t.Errorf("settled %+v, %v", out, err)
	}
	same(t, "tries again", ids(table.Frame(true)), "m4")
}

func TestTable_AMalformedOriginIsRejectedWithoutGoingDownstream(t *testing.T) {
	t.Parallel()
	table := NewTable(100, 1<<20, visibility, NewBrake(0))
	m := message(0)
	m.Attributes = []Attribute{{Name: OriginAttribute, Type: "String", String: "1;x;later"}}
	table.Receive(m, at(30), trace.SpanContext{})
	same(t, "frame", ids(table.Frame(true)))
	letters, _ := table.TakeLetters(10)
	if len(letters) != 1 || letters[0].Rejection.GetReason() != "bad_origin" {
		t.Errorf("letters %v", ids(letters))
	}
}

func TestTable_ACopyKeepsItsOrigin(t *testing.T) {
	t.Parallel()
	table := NewTable(100, 1<<20, visibility, NewBrake(0))
	origin := Origin{ID: "first", SentMS: 1_600_000_000_000}
	m := message(0)
	m.Attributes = []Attribute{{Name: OriginAttribute, Type: "String", String: origin.Attribute()}}
	e, _ := table.Receive(m, at(30), trace.SpanContext{})
	if e.Origin != origin || e.EventID != origin.EventID() {
		t.Errorf("origin %v", e.Origin)
	}
}

func TestTable_TheBrakeHoldsMalformedOriginsToo(t *testing.T) {
	t.Parallel()
	table := NewTable(100, 1<<20, visibility, NewBrake(2))
	for i := range 5 {
		m := message(i)
		m.Attributes = []Attribute{{Name: OriginAttribute, Type: "String", String: "9;evil"}}
		table.Receive(m, at(30), trace.SpanContext{})
	}
	letters, _ := table.TakeLetters(10)
	same(t, "letters", ids(letters), "m0", "m1")
	table.Probe()
	same(t, "sent downstream by a probe", ids(table.Frame(true)))
}

func TestTable_WhatWasReleasedBehindTheBrakeStaysReleased(t *testing.T) {
	t.Parallel()
	table := tableWith(3, 1)
	table.Receive(message(3), at(30), trace.SpanContext{})
	table.Sent(2, table.Frame(true), trace.SpanContext{})
	if out, err := table.Settle(at(1), settlement(rejected, rejected, rejected)); err != nil || out.Parked != 2 {
		t.Fatalf("settled %+v, %v", out, err)
	}
	if released := table.Release(); len(released) != 2 {
		t.Fatalf("%d released", len(released))
	}
	commit := settlement(committed)
	commit.BatchId = 2
	if out, err := table.Settle(at(2), commit); err != nil || !out.Released {
		t.Fatalf("settled %+v, %v", out, err)
	}
	table.Probe()
	same(t, "sent after the release", ids(table.Frame(true)))
	if records, _ := table.InFlight(); records != 2 {
		t.Errorf("%d in flight, want the committed and the rejected one", records)
	}
}

func TestTable_AnOlderReceiveThatIsAnsweredLaterBringsNothing(t *testing.T) {
	t.Parallel()
	table := tableWith(0, 0)
	second, first := message(0), message(0)
	second.Receipt, second.ReceiveCount = "h2", 2
	first.Receipt, first.ReceiveCount = "h1", 1
	table.Receive(second, at(31), trace.SpanContext{})
	table.Receive(first, at(30), trace.SpanContext{})
	if _, receipts := table.DueExtensions(at(20), 10); len(receipts) != 1 || receipts[0].Handle != "h2" {
		t.Errorf("extends with %v", receipts)
	}
}
