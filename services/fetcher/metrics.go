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
	rejections, redeliveries            metric.Int64Counter
	receiveSize, queueAge               metric.Float64Histogram
	frameSize, frameDuration, queueCall metric.Float64Histogram

	depth atomic.Pointer[Counts] // nil until it was read
}

func (m *metrics) make(in *telemetry.Instruments) {
	m.rejections, m.redeliveries = in.Counter(telemetry.MetricRejections), in.Counter(telemetry.MetricRedeliveries)
	for _, cause := range causes() { // from zero on, or the first of each would not show as an increase
		m.redeliveries.Add(context.Background(), 0, metric.WithAttributes(attribute.String(telemetry.AttrCause, string(cause))))
	}
	m.receiveSize, m.queueAge = in.Histogram(telemetry.MetricReceiveSize), in.Histogram(telemetry.MetricQueueAge)
	m.frameSize, m.frameDuration = in.Histogram(telemetry.MetricFrameSize), in.Histogram(telemetry.MetricFrameDuration)
	m.queueCall = in.Histogram(telemetry.MetricQueueCall)
	depth := in.Gauge(telemetry.MetricQueueMessages)
	in.Observe(func(o metric.Observer) {
		if c := m.depth.Load(); c != nil {
			for state, n := range map[string]int64{"visible": c.Visible, "not_visible": c.NotVisible, "delayed": c.Delayed} {
				o.ObserveInt64(depth, n, metric.WithAttributes(attribute.String(telemetry.AttrState, state)))
			}
		}
	}, depth)
}

// rejected counts by reason and column: words of the mapping, never a value.
func (m *metrics) rejected(ctx context.Context, r *relayv1.Rejection) {
	m.rejections.Add(ctx, 1, metric.WithAttributes(
		attribute.String(telemetry.AttrReason, r.GetReason()), attribute.String(telemetry.AttrColumn, r.GetColumn())))
}

// received notes how full a receive was, and how long the oldest of its messages had waited in the queue.
func (m *metrics) received(ctx context.Context, now time.Time, messages []Message) {
	oldest := messages[0].SentMS
	for _, message := range messages {
		oldest = min(oldest, message.SentMS)
	}
	m.receiveSize.Record(ctx, float64(len(messages)))
	// The queue's clock may be ahead of ours.
	m.queueAge.Record(ctx, max(0, now.Sub(time.UnixMilli(oldest)).Seconds()))
}

// redelivered counts by cause: a closed list.
func (m *metrics) redelivered(ctx context.Context, cause Cause) {
	m.redeliveries.Add(ctx, 1, metric.WithAttributes(attribute.String(telemetry.AttrCause, string(cause))))
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
