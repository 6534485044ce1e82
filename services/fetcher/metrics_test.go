package fetcher

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/metric/noop"

	relayv1 "github.com/maskline/maskline/proto/gen/maskline/relay/v1"
)

// countingQueue tells a number of messages that grows with every look.
type countingQueue struct {
	Queue

	looks int64
}

func (q *countingQueue) Counts(context.Context) (Counts, error) {
	q.looks++
	return Counts{Visible: q.looks}, nil
}

func TestWatchDepth_ReadsTheQueueTwiceAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		queue := &countingQueue{}
		f := &Fetcher{queue: queue}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			f.watchDepth(ctx)
		}()
		synctest.Wait()
		if f.metrics.depth.Load() != nil {
			t.Error("a depth that nobody has read")
		}
		time.Sleep(time.Minute + time.Second) // Virtual.
		if d := f.metrics.depth.Load(); d == nil || d.Visible != 2 {
			t.Errorf("depth %v after a minute, want the second reading", d)
		}
		cancel()
		<-ended
	})
}

func TestMetrics_RejectionsBeforeTheExportAreNoTrouble(t *testing.T) {
	t.Parallel()
	var m metrics
	m.rejected(t.Context(), &relayv1.Rejection{Reason: "not_json"})
	m.rejections = noop.Int64Counter{}
	m.rejected(t.Context(), &relayv1.Rejection{Reason: "not_json"})
}
