package telemetry

import (
	"maps"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	controlv1 "github.com/maskline/maskline/proto/gen/maskline/control/v1"
)

// collect gives every data point of a provider by the metric's name and, for streams, direction and state.
func collect(t *testing.T, reader *sdkmetric.ManualReader) map[string]float64 {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	points := map[string]float64{}
	if len(all.ScopeMetrics) == 0 {
		return points
	}
	for _, m := range all.ScopeMetrics[0].Metrics {
		switch data := m.Data.(type) {
		case metricdata.Gauge[int64]:
			for _, p := range data.DataPoints {
				direction, _ := p.Attributes.Value(attribute.Key(AttrDirection))
				state, _ := p.Attributes.Value(attribute.Key(AttrState))
				points[m.Name+direction.AsString()+state.AsString()] = float64(p.Value)
			}
		case metricdata.Gauge[float64]:
			points[m.Name] = data.DataPoints[0].Value
		}
	}
	return points
}

func TestExport_ExportsWhatTheStatusTells(t *testing.T) {
	t.Parallel()
	reader := sdkmetric.NewManualReader()
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	in := NewInstruments(provider, StageMasker)
	status := &controlv1.GetStatusResponse{
		Ready: true, InFlightRecords: 7, InFlightBytes: 700, InFlightBytesLimit: 1000, Lag: durationpb.New(90 * time.Second),
		StartedAt: timestamppb.New(time.Now().Add(-time.Hour)),
		Streams: []*controlv1.Stream{
			{Direction: "downstream", State: "ready", CreditRecords: 5, CreditBytes: 50}, {Direction: "downstream", State: "ready"},
			{Direction: "downstream", State: "waiting", CreditRecords: 1, CreditBytes: 10}, {Direction: "upstream", State: "ready", CreditRecords: 9},
		},
	}
	if err := Export(in, NewCounters(StageMasker), func() *controlv1.GetStatusResponse { return status }); err != nil {
		t.Fatal(err)
	}
	points := collect(t, reader)
	if uptime := points["maskline.masker.uptime_seconds"]; uptime < 3600 || uptime > 3700 {
		t.Errorf("uptime %v", uptime)
	}
	delete(points, "maskline.masker.uptime_seconds")
	want := map[string]float64{
		"maskline.masker.ready": 1, "maskline.masker.in_flight_records": 7, "maskline.masker.in_flight_bytes": 700,
		"maskline.masker.in_flight_bytes_limit": 1000, "maskline.masker.lag_seconds": 90,
		"maskline.masker.streamsdownstreamready": 2, "maskline.masker.streamsdownstreamwaiting": 1,
		"maskline.masker.streamsupstreamready": 1, "maskline.masker.credit_recordsdownstream": 6, "maskline.masker.credit_bytesdownstream": 60,
		"maskline.masker.credit_recordsupstream": 9, "maskline.masker.credit_bytesupstream": 0,
	}
	if !maps.Equal(points, want) {
		t.Errorf("got %v, want %v", points, want)
	}
	status = &controlv1.GetStatusResponse{}
	if points := collect(t, reader); points["maskline.masker.ready"] != 0 || points["maskline.masker.lag_seconds"] != 0 {
		t.Errorf("of an empty status: %v", points)
	}
	in.Close()
	if points := collect(t, reader); len(points) != 0 {
		t.Errorf("after the end: %v", points)
	}
}
