package fetcher

import (
	"context"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/maskline/maskline/pkg/telemetry"
	relayv1 "github.com/maskline/maskline/proto/gen/maskline/relay/v1"
)

// depthEvery is how often the queue's own counts are read for the metrics: a request that SQS bills.
const depthEvery = 30 * time.Second

// metrics are what the fetcher exports beside its counters and its status.
type metrics struct {
	rejections metric.Int64Counter
	depth      atomic.Pointer[Counts] // nil until it was read
}

// export registers the instruments until the function that it returns is called.
func (f *Fetcher) export() (unregister func(), err error) {
	meter := telemetry.Meter()
	if f.metrics.rejections, err = meter.Int64Counter(telemetry.MetricRejections); err != nil {
		return nil, err
	}
	depth, err := meter.Int64ObservableGauge(telemetry.MetricQueueMessages)
	if err != nil {
		return nil, err
	}
	registration, err := meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		if c := f.metrics.depth.Load(); c != nil {
			for state, n := range map[string]int64{"visible": c.Visible, "not_visible": c.NotVisible, "delayed": c.Delayed} {
				o.ObserveInt64(depth, n, metric.WithAttributes(attribute.String(telemetry.AttrState, state)))
			}
		}
		return nil
	}, depth)
	if err != nil {
		return nil, err
	}
	rest, err := telemetry.Export(f.counters, f.Status)
	if err != nil {
		return nil, err
	}
	return func() { rest(); _ = registration.Unregister() }, nil
}

// rejected counts by reason and column: words of the mapping, never a value.
func (m *metrics) rejected(ctx context.Context, r *relayv1.Rejection) {
	if m.rejections != nil {
		m.rejections.Add(ctx, 1, metric.WithAttributes(
			attribute.String(telemetry.AttrReason, r.GetReason()), attribute.String(telemetry.AttrColumn, r.GetColumn())))
	}
}

// watchDepth reads the queue's counts until ctx ends. A reading that fails is left out: receives tell of the trouble.
func (f *Fetcher) watchDepth(ctx context.Context) {
	ticker := time.NewTicker(depthEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if counts, err := f.queue.Counts(ctx); err == nil {
			f.metrics.depth.Store(&counts)
		}
	}
}
