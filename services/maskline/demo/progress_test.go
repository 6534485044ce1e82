package demo

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/maskline/maskline/services/fetcher"
)

func TestProgress_StallsOnlyWithoutAnyForTheWholePatience(t *testing.T) {
	t.Parallel()
	var p progress
	now := time.Unix(1_700_000_000, 0)
	for _, step := range []struct {
		after             time.Duration
		received, deleted uint64
		retried           uint64
		want              bool
	}{
		{0, 0, 0, 0, false},
		{patience, 0, 0, 0, false},
		{time.Second, 10, 0, 0, false}, // received
		{patience, 10, 0, 50, false},
		{time.Second, 10, 0, 90, true}, // retries are no progress
		{0, 10, 5, 90, false},          // deleted
		{patience + time.Second, 10, 5, 90, true},
	} {
		now = now.Add(step.after)
		totals := map[string]uint64{"received": step.received, "deleted": step.deleted, "retried": step.retried}
		if got := p.stalled(now, totals); got != step.want {
			t.Fatalf("step %+v: stalled %v", step, got)
		}
	}
}

// scripted answers with the same two messages every time, and then with an error.
type scripted struct {
	fetcher.Queue
	calls int
}

func (s *scripted) Receive(context.Context, int, time.Duration, time.Duration) ([]fetcher.Message, error) {
	s.calls++
	if s.calls > 2 {
		return nil, errors.New("down")
	}
	return []fetcher.Message{{ID: "a"}, {ID: "b"}}, nil
}

func TestWitness_CountsMessagesAndNotDeliveries(t *testing.T) {
	t.Parallel()
	w := newWitness(&scripted{})
	for range 2 {
		if messages, err := w.Receive(t.Context(), 10, 0, 0); len(messages) != 2 || err != nil {
			t.Fatalf("got %v, %v", messages, err)
		}
	}
	if _, err := w.Receive(t.Context(), 10, 0, 0); err == nil {
		t.Error("the error is lost")
	}
	if n := w.received(); n != 2 {
		t.Errorf("received %d, want 2", n)
	}
}
