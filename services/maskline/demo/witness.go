package demo

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/maskline/maskline/pkg/telemetry"
	"github.com/maskline/maskline/services/fetcher"
)

// witness is the fetcher's queue, and remembers which messages came out of it: the fetcher itself forgets a message when
// it has settled it. Safe for concurrent use.
type witness struct {
	fetcher.Queue

	mu   sync.Mutex
	seen map[string]struct{}
}

func newWitness(queue fetcher.Queue) *witness {
	return &witness{Queue: queue, seen: map[string]struct{}{}}
}

// Receive implements fetcher.Queue.
func (w *witness) Receive(ctx context.Context, limit int, wait, visibility time.Duration) ([]fetcher.Message, error) {
	messages, err := w.Queue.Receive(ctx, limit, wait, visibility)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range messages {
		w.seen[m.ID] = struct{}{}
	}
	return messages, err
}

// received is how many distinct messages came out.
func (w *witness) received() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.seen)
}

// watch ends a run that makes no progress: a stage may be ready and still get nowhere, for example if every transaction
// fails with something that is worth a retry. The channel gives the cause, or nil at the end of ctx.
func watch(ctx context.Context, f *fetcher.Fetcher, cancel context.CancelCauseFunc) <-chan error {
	out := make(chan error, 1)
	go func() {
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		last, since := f.Totals(), time.Now()
		for {
			select {
			case <-ctx.Done():
				out <- nil
				return
			case <-ticker.C:
			}
			now := f.Totals()
			if !maps.Equal(settled(last), settled(now)) {
				last, since = now, time.Now()
			}
			if time.Since(since) > Patience {
				err := fmt.Errorf("no progress for %s%s", Patience, reason(f))
				cancel(err)
				out <- err
				return
			}
		}
	}()
	return out
}

// settled leaves the counters that only go up when something was finished.
func settled(totals map[string]uint64) map[string]uint64 {
	return map[string]uint64{
		telemetry.CounterDeleted:  totals[telemetry.CounterDeleted],
		telemetry.CounterReceived: totals[telemetry.CounterReceived],
	}
}

func reason(f *fetcher.Fetcher) string {
	if ready, why := f.Ready(); !ready {
		return ": " + why
	}
	return ", although the services are ready; see the log, or run with MASKLINE_LOG_LEVEL=info"
}
