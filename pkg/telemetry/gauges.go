package telemetry

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	controlv1 "github.com/maskline/maskline/proto/gen/maskline/control/v1"
)

// Names of gauges; the metric is maskline.<stage>.<name>. They are what GetStatus tells, so that a dashboard and
// grpcurl never disagree.
const (
	// GaugeReady is 1 while the stage may be sent work, or takes it, else 0.
	GaugeReady = "ready"
	// GaugeInFlightRecords is records taken and not finished.
	GaugeInFlightRecords = "in_flight_records"
	// GaugeInFlightBytes is their bytes, as counted against the ceiling.
	GaugeInFlightBytes = "in_flight_bytes"
	// GaugeInFlightBytesLimit is the ceiling.
	GaugeInFlightBytesLimit = "in_flight_bytes_limit"
	// GaugeLag is the age of the oldest record in flight, in seconds, from its first sending; 0 if there is none.
	GaugeLag = "lag_seconds"
	// GaugeUptime is the time since the start of the process, in seconds.
	GaugeUptime = "uptime_seconds"
	// GaugeStreams is the number of streams, by AttrDirection and AttrState.
	GaugeStreams = "streams"
)

// Metrics that only the fetcher has.
const (
	// MetricRejections counts rejections by AttrReason and AttrColumn.
	MetricRejections = "maskline.fetcher.rejections"
	// MetricQueueMessages is the queue's own approximate count, by AttrState: visible, not_visible, delayed.
	MetricQueueMessages = "maskline.fetcher.queue_messages"
)

// Attributes of GaugeStreams.
const (
	// AttrDirection is upstream or downstream.
	AttrDirection = "maskline.direction"
	// AttrState is connecting, ready, waiting or draining.
	AttrState = "maskline.state"
)

// Export exports a stage's counters and status as metrics, until the function that it returns is called.
func Export(counters *Counters, status func() *controlv1.GetStatusResponse) (unregister func(), err error) {
	meter := Meter()
	counted, err := counters.Register(meter)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	gauged, err := RegisterStatus(meter, counters.stage, status)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("metrics: %w", err), counted.Unregister())
	}
	return func() { _, _ = counted.Unregister(), gauged.Unregister() }, nil
}

// gauges are the instruments of one stage.
type gauges struct {
	ready, records, bytes, limit, streams metric.Int64ObservableGauge
	lag, uptime                           metric.Float64ObservableGauge
}

// RegisterStatus exports what a stage's GetStatus tells, counters left out. status is called once for each collection
// and must be safe for concurrent use. Unregister the result when the stage ends.
func RegisterStatus(meter metric.Meter, stage string, status func() *controlv1.GetStatusResponse) (metric.Registration, error) {
	var g gauges
	var all []metric.Observable
	for name, gauge := range map[string]*metric.Int64ObservableGauge{
		GaugeReady: &g.ready, GaugeInFlightRecords: &g.records, GaugeInFlightBytes: &g.bytes,
		GaugeInFlightBytesLimit: &g.limit, GaugeStreams: &g.streams,
	} {
		made, err := meter.Int64ObservableGauge("maskline." + stage + "." + name)
		if err != nil {
			return nil, err
		}
		*gauge, all = made, append(all, made)
	}
	for name, gauge := range map[string]*metric.Float64ObservableGauge{GaugeLag: &g.lag, GaugeUptime: &g.uptime} {
		made, err := meter.Float64ObservableGauge("maskline." + stage + "." + name)
		if err != nil {
			return nil, err
		}
		*gauge, all = made, append(all, made)
	}
	return meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		g.observe(o, status(), time.Now())
		return nil
	}, all...)
}

func (g *gauges) observe(o metric.Observer, s *controlv1.GetStatusResponse, now time.Time) {
	ready := int64(0)
	if s.GetReady() {
		ready = 1
	}
	o.ObserveInt64(g.ready, ready)
	o.ObserveInt64(g.records, int64(s.GetInFlightRecords()))
	o.ObserveInt64(g.bytes, int64(s.GetInFlightBytes()))
	o.ObserveInt64(g.limit, int64(s.GetInFlightBytesLimit()))
	o.ObserveFloat64(g.lag, s.GetLag().AsDuration().Seconds())
	o.ObserveFloat64(g.uptime, now.Sub(s.GetStartedAt().AsTime()).Seconds())
	type kind struct{ direction, state string }
	streams := map[kind]int64{}
	for _, stream := range s.GetStreams() {
		streams[kind{stream.GetDirection(), stream.GetState()}]++
	}
	for k, n := range streams {
		o.ObserveInt64(g.streams, n, metric.WithAttributes(attribute.String(AttrDirection, k.direction), attribute.String(AttrState, k.state)))
	}
}
