package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/maskline/maskline/pkg/telemetry"
	"github.com/maskline/maskline/services/fetcher"
)

// progress says when a run gets nowhere: a stage may be ready and still repeat itself, for example if every transaction
// fails with something that is worth a retry. It is a pure core.
type progress struct {
	done  uint64
	since time.Time
}

// stalled notes the counters at now.
func (p *progress) stalled(now time.Time, totals map[string]uint64) bool {
	// Only what a message passes once counts; a retry is no progress.
	done := totals[telemetry.CounterReceived] + totals[telemetry.CounterDeleted]
	if p.since.IsZero() || done != p.done {
		p.done, p.since = done, now
	}
	return now.Sub(p.since) > patience
}

// watch ends a run that gets nowhere. The channel gives the cause, or nil at the end of ctx.
func watch(ctx context.Context, f *fetcher.Fetcher, cancel context.CancelCauseFunc) <-chan error {
	out := make(chan error, 1) // One slot: the watch ends though nobody may ask why.
	go func() {
		var p progress
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				out <- nil
				return
			case now := <-ticker.C:
				if p.stalled(now, f.Totals()) {
					err := fmt.Errorf("no progress for %s: %s", patience, reason(f))
					cancel(err)
					out <- err
					return
				}
			}
		}
	}()
	return out
}

func reason(f *fetcher.Fetcher) string {
	if ready, why := f.Ready(); !ready {
		return why
	}
	return "the services are ready, and repeat themselves; see the log, or run with MASKLINE_LOG_LEVEL=info"
}
