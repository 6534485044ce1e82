package fetcher

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"

	relayv1 "github.com/maskline/maskline/proto/gen/maskline/relay/v1"
)

// stubQueue answers deletes and letters as its fields say.
type stubQueue struct {
	Queue

	failed  []Failure
	err     error
	deleted [][]Receipt
	letters []Letter
}

func (q *stubQueue) Delete(_ context.Context, receipts []Receipt) ([]Failure, error) {
	q.deleted = append(q.deleted, receipts)
	return q.failed, q.err
}

func (q *stubQueue) DeadLetter(_ context.Context, _ string, letters []Letter) ([]Failure, error) {
	q.letters = append(q.letters, letters...)
	return q.failed, q.err
}

// newSettling is a fetcher whose table has n settled messages; it is not running.
func newSettling(t *testing.T, queue Queue, verdicts ...byte) *Fetcher {
	t.Helper()
	f, err := New(Config{Listen: "127.0.0.1:0", OnReject: OnRejectDeadLetter}, Deps{Logger: slog.New(slog.DiscardHandler), Queue: queue})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.server.Stop(t.Context()) })
	f.source = Description{Visibility: visibility, DeadLetterMaxSize: 1 << 20}
	f.table = tableWith(len(verdicts), 0)
	f.Settled(settlement(verdicts...))
	return f
}

func TestFetcher_AnEntryThatTheQueueFailedToDeleteIsDeletedAgain(t *testing.T) {
	t.Parallel()
	queue := &stubQueue{failed: []Failure{{Index: 1, Code: "InternalError"}}}
	f := newSettling(t, queue, committed, committed, committed)
	entries, receipts := f.table.TakeDeletes(10)
	f.deleteBatch(t.Context(), entries, receipts)
	if records, _ := f.table.InFlight(); records != 1 {
		t.Fatalf("%d records in flight, want the one whose delete failed", records)
	}
	f.table.Tick(time.Now().Add(time.Minute))
	again, _ := f.table.TakeDeletes(10)
	same(t, "deleted again", ids(again), "m1")
}

func TestFetcher_NothingIsTakenForDeletedWhenTheCallFailed(t *testing.T) {
	t.Parallel()
	queue := &stubQueue{err: errors.New("connection reset")}
	f := newSettling(t, queue, committed, committed)
	entries, receipts := f.table.TakeDeletes(10)
	f.deleteBatch(t.Context(), entries, receipts)
	if records, _ := f.table.InFlight(); records != 2 {
		t.Errorf("%d records in flight, want 2", records)
	}
}

func TestFetcher_ARejectedMessageIsDeletedOnlyAfterItsCopyIsInTheDeadLetterQueue(t *testing.T) {
	t.Parallel()
	queue := &stubQueue{failed: []Failure{{Index: 0, Code: "InternalError"}}}
	f := newSettling(t, queue, rejected, rejected)
	entries, receipts := f.table.TakeLetters(10)
	f.deadLetter(t.Context(), entries, receipts)
	deletes, _ := f.table.TakeDeletes(10)
	same(t, "to be deleted", ids(deletes), "m1")
	queue.failed = nil
	f.table.Tick(time.Now().Add(time.Minute))
	entries, receipts = f.table.TakeLetters(10)
	f.deadLetter(t.Context(), entries, receipts)
	deletes, _ = f.table.TakeDeletes(10)
	same(t, "to be deleted", ids(deletes), "m0")
}

func letterEntry(attributes int, body int) *Entry {
	m := message(0)
	m.Body = make([]byte, body)
	for i := range attributes {
		m.Attributes = append(m.Attributes, Attribute{Name: strings.Repeat("a", i+1), Type: "String", String: "x"})
	}
	return &Entry{Message: m, Origin: Origin{ID: "m0", SentMS: 5}, Rejection: &relayv1.Rejection{Reason: "missing", Column: "user_id", Stage: "masker"}, Received: trace.SpanContext{}}
}

func TestLetter_CarriesOriginAndReasonBesideTheProducersAttributes(t *testing.T) {
	t.Parallel()
	l, ok := letterEntry(2, 10).Letter(1 << 20)
	if !ok || len(l.Attributes) != 4 || l.Attributes[2].String != "1;m0;5" {
		t.Fatalf("letter %+v", l)
	}
	var why Reject
	if err := json.Unmarshal([]byte(l.Attributes[3].String), &why); err != nil || why != (Reject{Reason: "missing", Column: "user_id", Stage: "masker"}) {
		t.Errorf("reason %+v, %v", why, err)
	}
}

func TestLetter_LeavesTheReasonOutWhereThereIsNoRoom(t *testing.T) {
	t.Parallel()
	for name, e := range map[string]*Entry{"nine attributes": letterEntry(9, 10), "large body": letterEntry(0, 1000)} {
		l, ok := e.Letter(1040)
		if !ok || l.Attributes[len(l.Attributes)-1].Name != OriginAttribute {
			t.Errorf("%s: %v, %d attributes", name, ok, len(l.Attributes))
		}
	}
}

func TestLetter_RefusesWhereThereIsNoRoomForTheOrigin(t *testing.T) {
	t.Parallel()
	for name, e := range map[string]*Entry{"ten attributes": letterEntry(10, 10), "full body": letterEntry(0, 1030)} {
		if _, ok := e.Letter(1040); ok {
			t.Errorf("%s: a letter without its origin", name)
		}
	}
}

func TestLetter_ReplacesTheAttributesOfAnEarlierCopy(t *testing.T) {
	t.Parallel()
	e := letterEntry(0, 10)
	e.Message.Attributes = []Attribute{{Name: OriginAttribute, Type: "String", String: "1;m0;5"}, {Name: RejectAttribute, Type: "String", String: "{}"}}
	l, ok := e.Letter(1 << 20)
	if !ok || len(l.Attributes) != 2 {
		t.Errorf("%d attributes, want 2", len(l.Attributes))
	}
}
