package telemetry

import (
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	controlv1 "github.com/maskline/maskline/proto/gen/maskline/control/v1"
)

// Export exports a stage's counters and what its GetStatus tells, until in is closed. status is called once for each
// collection and must be safe for concurrent use. The error also tells of instruments that were made before.
func Export(in *Instruments, counters *Counters, status func() *controlv1.GetStatusResponse) error {
	counters.observe(in)
	observeStatus(in, status)
	if err := in.Err(); err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	return nil
}

// gauges are what GetStatus tells, of one stage.
type gauges struct {
	ready, records, bytes, limit, streams, creditRecords, creditBytes metric.Int64ObservableGauge
	lag, uptime                                                       metric.Float64ObservableGauge
}

func observeStatus(in *Instruments, status func() *controlv1.GetStatusResponse) {
	g := gauges{
		ready: in.Gauge(GaugeReady), records: in.Gauge(GaugeInFlightRecords), bytes: in.Gauge(GaugeInFlightBytes),
		limit: in.Gauge(GaugeInFlightBytesLimit), streams: in.Gauge(GaugeStreams),
		creditRecords: in.Gauge(GaugeCreditRecords), creditBytes: in.Gauge(GaugeCreditBytes),
		lag: in.Seconds(GaugeLag), uptime: in.Seconds(GaugeUptime),
	}
	in.Observe(func(o metric.Observer) { g.observe(o, status(), time.Now()) },
		g.ready, g.records, g.bytes, g.limit, g.streams, g.creditRecords, g.creditBytes, g.lag, g.uptime)
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
	g.observeStreams(o, s.GetStreams())
}

// observeStreams sums over the streams: a series for each peer would stay in Prometheus for long after the peer.
func (g *gauges) observeStreams(o metric.Observer, streams []*controlv1.Stream) {
	type kind struct{ direction, state string }
	count, records, bytes := map[kind]int64{}, map[string]int64{}, map[string]int64{}
	for _, s := range streams {
		count[kind{s.GetDirection(), s.GetState()}]++
		records[s.GetDirection()] += int64(s.GetCreditRecords())
		bytes[s.GetDirection()] += int64(s.GetCreditBytes())
	}
	for k, n := range count {
		o.ObserveInt64(g.streams, n, metric.WithAttributes(attribute.String(AttrDirection, k.direction), attribute.String(AttrState, k.state)))
	}
	for direction := range records {
		to := metric.WithAttributes(attribute.String(AttrDirection, direction))
		o.ObserveInt64(g.creditRecords, records[direction], to)
		o.ObserveInt64(g.creditBytes, bytes[direction], to)
	}
}
