package e2e

import (
	"slices"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/maskline/maskline/pkg/telemetry"
	"github.com/maskline/maskline/pkg/testkit"
)

// point is one series of a metric; value is a histogram's count.
type point struct {
	attributes attribute.Set
	value      float64
}

// points are the series of a metric.
func points(m metricdata.Metrics) (all []point) {
	switch data := m.Data.(type) {
	case metricdata.Sum[int64]:
		for _, p := range data.DataPoints {
			all = append(all, point{p.Attributes, float64(p.Value)})
		}
	case metricdata.Gauge[int64]:
		for _, p := range data.DataPoints {
			all = append(all, point{p.Attributes, float64(p.Value)})
		}
	case metricdata.Gauge[float64]:
		for _, p := range data.DataPoints {
			all = append(all, point{p.Attributes, p.Value})
		}
	case metricdata.Histogram[float64]:
		for _, p := range data.DataPoints {
			all = append(all, point{p.Attributes, float64(p.Count)})
		}
	}
	return all
}

// measured are all metrics of a running system, by name.
func measured(t *testing.T, reader sdkmetric.Reader) map[string]metricdata.Metrics {
	t.Helper()
	var collected metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &collected); err != nil {
		t.Fatal(err)
	}
	all := map[string]metricdata.Metrics{}
	for _, scope := range collected.ScopeMetrics {
		for _, m := range scope.Metrics {
			all[m.Name] = m
		}
	}
	return all
}

func TestMetrics_TheStagesExportWhatTheListSaysAndNothingElse(t *testing.T) {
	t.Parallel()
	reader := sdkmetric.NewManualReader()
	s := start(t, options{meter: sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))})
	const good = 50
	s.send(t, 1, good)
	s.sendRaw(t, `{"user_id":7}`)
	s.awaitEmpty(t)
	deleted := func() bool {
		p := points(measured(t, reader)["maskline.fetcher.deleted"])
		return len(p) == 1 && p[0].value == good+1
	}
	testkit.Eventually(t, patience, deleted, "every message counted as deleted")

	// The depth is read for the first time after half a minute, and Start says what is running.
	later := []string{telemetry.MetricQueueMessages, telemetry.MetricBuildInfo}
	all := measured(t, reader)
	for _, m := range telemetry.Metrics() {
		for _, name := range m.FullNames() {
			got, there := all[name]
			delete(all, name)
			if slices.Contains(later, m.Name) {
				continue
			}
			series := points(got)
			if !there || len(series) == 0 || got.Unit != m.Unit || got.Description != m.Help {
				t.Errorf("%s: %d series, %q, %q", name, len(series), got.Unit, got.Description)
			}
			for _, p := range series {
				for _, a := range p.attributes.ToSlice() {
					if !slices.Contains(m.Attributes, string(a.Key)) {
						t.Errorf("%s has the attribute %s", name, a.Key)
					}
				}
				if m.Kind == telemetry.Histogram && p.value == 0 {
					t.Errorf("%s: nothing was recorded", name)
				}
			}
		}
	}
	for name := range all {
		t.Errorf("%s is not in the list", name)
	}
}
