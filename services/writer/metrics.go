package writer

import (
	"context"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/maskline/maskline/pkg/telemetry"
)

// metrics are what the writer exports beside its counters and its status.
type metrics struct {
	transactionSize, latency, statement metric.Float64Histogram
}

func newMetrics(in *telemetry.Instruments) *metrics {
	return &metrics{
		transactionSize: in.Histogram(telemetry.MetricTransactionSize),
		latency:         in.Histogram(telemetry.MetricLatency),
		statement:       in.Histogram(telemetry.MetricStatement),
	}
}

// settled notes how long ago the oldest message of a frame was sent. The producer's clock may be ahead of ours.
func (m *metrics) settled(ctx context.Context, sentAt time.Time) {
	m.latency.Record(ctx, max(0, time.Since(sentAt).Seconds()))
}

// ran notes how long one round trip to the database took.
func (m *metrics) ran(ctx context.Context, began time.Time, operation string, where []attribute.KeyValue, err error) {
	m.statement.Record(ctx, time.Since(began).Seconds(), metric.WithAttributes(where...), metric.WithAttributes(errorAttributes(err)...),
		metric.WithAttributes(attribute.String(telemetry.AttrDBOperation, operation)))
}

// errorAttributes say what went wrong; nothing if nothing did.
func errorAttributes(err error) []attribute.KeyValue {
	if err == nil {
		return nil
	}
	word := sqlstate(err)
	attributes := []attribute.KeyValue{attribute.String(telemetry.AttrErrorType, word)}
	if word != lostConnection {
		attributes = append(attributes, attribute.String(telemetry.AttrDBStatus, word))
	}
	return attributes
}

// pool tells what the writing connections do.
type pool []use

// use is what one connection does. Its committer writes it.
type use struct{ connected, busy atomic.Bool }

func (p pool) observe(in *telemetry.Instruments) {
	count, limit := in.UpDown(telemetry.MetricConnections), in.UpDown(telemetry.MetricConnectionsLimit)
	name := attribute.String(telemetry.AttrDBPool, "commit")
	in.Observe(func(o metric.Observer) {
		used, idle := int64(0), int64(0)
		for i := range p {
			switch {
			case !p[i].connected.Load():
			case p[i].busy.Load():
				used++
			default:
				idle++
			}
		}
		for state, n := range map[string]int64{"used": used, "idle": idle} {
			o.ObserveInt64(count, n, metric.WithAttributes(name, attribute.String(telemetry.AttrDBConnectionState, state)))
		}
		o.ObserveInt64(limit, int64(len(p)), metric.WithAttributes(name))
	}, count, limit)
}
