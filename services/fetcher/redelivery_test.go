package fetcher

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// again delivers message 0 once more, counted by SQS so many times, and says what the table makes of it.
func again(table *Table, seconds float64, count int) Cause {
	m := message(0)
	m.Receipt, m.ReceiveCount = fmt.Sprint("h0 at ", seconds), count
	e, fresh := table.Receive(m, at(seconds).Add(visibility), trace.SpanContext{})
	return table.Redelivery(at(seconds), e, fresh)
}

func TestRedelivery_OfAMessageInFlightIsToldByItsDeadline(t *testing.T) {
	t.Parallel()
	table := tableWith(1, 0)
	for _, x := range []struct {
		seconds float64
		want    Cause
	}{
		{29, CauseDeliveredTwice},   // hidden until 30
		{58, CauseDeliveredTwice},   // the redelivery hides it until 59
		{89, CauseVisibilityLapsed}, // until 88
	} {
		if got := again(table, x.seconds, 1); got != x.want {
			t.Errorf("at %v s: %q, want %q", x.seconds, got, x.want)
		}
	}
	entries, receipts := table.DueExtensions(at(110), 1)
	table.Extended(entries[0], receipts[0], at(140))
	if got := again(table, 139, 1); got != CauseDeliveredTwice {
		t.Errorf("extended until 140, at 139 s: %q", got)
	}
	entries, receipts = table.DueExtensions(at(160), 1)
	table.ExtendFailed(entries[0], receipts[0], true)
	if got := again(table, 161, 1); got != CauseVisibilityLapsed {
		t.Errorf("of one that could not be extended: %q", got)
	}
}

func TestRedelivery_OfAMessageThatLeftIsToldByTheWayItWent(t *testing.T) {
	t.Parallel()
	for want, leave := range map[Cause]func(*Table){
		CauseDeleted: func(table *Table) {
			_, _ = table.Settle(at(1), settlement(committed))
			entries, receipts := table.TakeDeletes(1)
			table.Deleted(entries[0], receipts[0])
		},
		CauseGivenUp: func(table *Table) {
			_, _ = table.Settle(at(1), settlement(committed))
			entries, receipts := table.TakeDeletes(1)
			table.DeleteFailed(at(2), entries[0], receipts[0], true)
		},
		CauseLeft: func(table *Table) {
			_, _ = table.Settle(at(1), settlement(rejected))
			entries, _ := table.TakeLetters(1)
			table.Drop(entries[0])
		},
	} {
		table := tableWith(1, 0)
		leave(table)
		if got := again(table, 3, 2); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for want, leave := range map[Cause]func(*Table){
		CauseReleased: func(table *Table) { table.Release() },
		CauseGivenUp: func(table *Table) {
			entries, receipts := table.DueExtensions(at(20), 1)
			table.ExtendFailed(entries[0], receipts[0], true)
		},
	} {
		table := NewTable(10, 1<<20, visibility, NewBrake(0)) // what it holds was never sent
		if got := again(table, 0, 1); got != "" {
			t.Errorf("a first delivery: %q", got)
		}
		leave(table)
		if got := again(table, 3, 2); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestRedelivery_OfAnUnknownMessageIsFromElsewhere(t *testing.T) {
	t.Parallel()
	table := NewTable(10, 1<<20, visibility, NewBrake(0))
	if got := again(table, 0, 2); got != CauseElsewhere {
		t.Errorf("%q", got)
	}
}

func TestExits_TheOldestIsForgottenAndTheNewestCounts(t *testing.T) {
	t.Parallel()
	x := newExits(3)
	x.add("a", CauseReleased)
	x.add("b", CauseReleased)
	x.add("a", CauseDeleted)
	x.add("c", CauseReleased) // takes the place of the first a
	if why, _ := x.why("a"); why != CauseDeleted {
		t.Errorf("a left again, %q is known", why)
	}
	x.add("d", CauseReleased)
	if _, known := x.why("b"); known || len(x.of) != 3 {
		t.Errorf("%d are remembered, b among them: %t", len(x.of), known)
	}
}

func TestFetcher_CountsRedeliveriesByCause(t *testing.T) {
	t.Parallel()
	f, err := New(Config{Listen: "127.0.0.1:0", Pollers: 1, KeepListening: true}, Deps{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.server.Stop(context.WithoutCancel(t.Context())) })
	f.source = Description{Visibility: visibility}
	f.table = NewTable(100, 1<<30, visibility, f.brake)
	first, other := message(0), message(1)
	other.ReceiveCount = 3
	f.take(t.Context(), time.Now(), []Message{first, other}, nil)
	f.take(t.Context(), time.Now(), []Message{first}, nil)
	f.take(t.Context(), time.Now().Add(-2*visibility), []Message{first}, nil)
	f.take(t.Context(), time.Now(), []Message{first}, nil)
	counters := f.Status().GetCounters()
	for cause, want := range map[Cause]uint64{CauseElsewhere: 1, CauseDeliveredTwice: 2, CauseVisibilityLapsed: 1} {
		if got := counters["redelivered_"+string(cause)]; got != want {
			t.Errorf("%s: %d, want %d", cause, got, want)
		}
	}
}

func BenchmarkExits_Add(b *testing.B) {
	x := newExits(exitsKept)
	ids := make([]string, 4*exitsKept)
	for i := range ids {
		ids[i] = fmt.Sprintf("%08x-1234-5678-9abc-%012x", i, i)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		x.add(ids[i%len(ids)], CauseDeleted)
	}
}
