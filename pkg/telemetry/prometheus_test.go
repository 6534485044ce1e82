package telemetry

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
)

// touch makes every instrument of a stage and gives it a value.
func touch(t *testing.T, in *Instruments) {
	t.Helper()
	for _, m := range Metrics() {
		if len(m.Stages) == 0 { // Start makes it
			continue
		}
		if !strings.Contains(strings.Join(m.Stages, " "), in.stage) {
			continue
		}
		switch {
		case m.Kind == Histogram:
			in.Histogram(m.Name).Record(t.Context(), 1)
		case m.Kind == Counter && len(m.Attributes) > 0:
			in.Counter(m.Name).Add(t.Context(), 1)
		case m.Kind == Counter:
			i := in.ObservedCounter(m.Name)
			in.Observe(func(o metric.Observer) { o.ObserveInt64(i, 1) }, i)
		case m.Kind == UpDownCounter:
			i := in.UpDown(m.Name)
			in.Observe(func(o metric.Observer) { o.ObserveInt64(i, 1) }, i)
		case m.Kind == Gauge && m.Unit == "s":
			i := in.Seconds(m.Name)
			in.Observe(func(o metric.Observer) { o.ObserveFloat64(i, 1) }, i)
		default:
			i := in.Gauge(m.Name)
			in.Observe(func(o metric.Observer) { o.ObserveInt64(i, 1) }, i)
		}
	}
	if err := in.Err(); err != nil {
		t.Fatal(err)
	}
}

// The environment and the global provider are those of the process: not parallel.
func TestPrometheusName_IsWhatAScrapeShows(t *testing.T) {
	quiet(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host, port, _ := net.SplitHostPort(listener.Addr().String())
	_ = listener.Close() // the exporter opens the port by its number
	t.Setenv("OTEL_METRICS_EXPORTER", "prometheus")
	t.Setenv("OTEL_EXPORTER_PROMETHEUS_HOST", host)
	t.Setenv("OTEL_EXPORTER_PROMETHEUS_PORT", port)
	meters := otel.GetMeterProvider()
	defer otel.SetMeterProvider(meters)
	tel, err := Start(t.Context(), slog.New(slog.DiscardHandler), "all", "v1")
	if err != nil {
		t.Fatal(err)
	}
	for _, stage := range []string{StageFetcher, StageMasker, StageWriter} {
		in := NewInstruments(nil, stage)
		t.Cleanup(in.Close)
		touch(t, in)
	}

	shown := scrape(t, "http://"+net.JoinHostPort(host, port)+"/metrics")
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	http.DefaultClient.CloseIdleConnections()
	for _, m := range Metrics() {
		for _, full := range m.FullNames() {
			name := m.PrometheusName(full)
			if shown[name] != m.Help {
				t.Errorf("%s: described as %q, want %q", name, shown[name], m.Help)
			}
			delete(shown, name)
		}
	}
	for name := range shown {
		if strings.Contains(name, "maskline") {
			t.Errorf("%s is not in the list", name)
		}
	}
}

// scrape gives the metrics of a page and their descriptions.
func scrape(t *testing.T, url string) map[string]string {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	page, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	help := map[string]string{}
	for line := range strings.Lines(string(page)) {
		if rest, ok := strings.CutPrefix(line, "# HELP "); ok {
			name, text, _ := strings.Cut(strings.TrimSpace(rest), " ")
			help[name] = text
		}
	}
	return help
}
