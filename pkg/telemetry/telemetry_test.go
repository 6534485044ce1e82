package telemetry

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"

	controlv1 "github.com/maskline/maskline/proto/gen/maskline/control/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// quiet removes what the environment of the test may ask for.
func quiet(t *testing.T) {
	t.Helper()
	for _, name := range []string{
		"OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT",
		"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL",
	} {
		t.Setenv(name, "")
	}
}

// The tests of Start share the process environment and the global providers, so they are not parallel.

//nolint:paralleltest // See above.
func TestStart_ExportsNothingUnlessAsked(t *testing.T) {
	quiet(t)
	tel, err := Start(t.Context(), slog.New(slog.DiscardHandler), "fetcher", "test")
	if err != nil {
		t.Fatal(err)
	}
	if len(tel.stops) != 0 {
		t.Errorf("%d providers", len(tel.stops))
	}
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestStart_DisabledWinsOverAnEndpoint(t *testing.T) {
	quiet(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	t.Setenv("OTEL_SDK_DISABLED", "true")
	if tel, err := Start(t.Context(), slog.New(slog.DiscardHandler), "fetcher", "test"); err != nil || len(tel.stops) != 0 {
		t.Errorf("%v, %v", tel, err)
	}
}

func TestStart_UnknownExporterIsAnError(t *testing.T) {
	quiet(t)
	t.Setenv("OTEL_METRICS_EXPORTER", "telegraph")
	if _, err := Start(t.Context(), slog.New(slog.DiscardHandler), "fetcher", "test"); err == nil {
		t.Error("accepted")
	}
}

func TestStart_SendsSpansAndCountersToTheEndpoint(t *testing.T) {
	quiet(t)
	var mu sync.Mutex
	bodies := map[string]string{}
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		bodies[r.URL.Path] += string(body)
	}))
	defer collector.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	tracers, meters := otel.GetTracerProvider(), otel.GetMeterProvider()
	defer func() { otel.SetTracerProvider(tracers); otel.SetMeterProvider(meters) }()

	tel, err := Start(t.Context(), slog.New(slog.DiscardHandler), "fetcher", "test")
	if err != nil {
		t.Fatal(err)
	}
	counters := NewCounters(StageFetcher, CounterReceived)
	in := NewInstruments(nil, StageFetcher)
	if err := Export(in, counters, func() *controlv1.GetStatusResponse { return nil }); err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	counters.Add(CounterReceived, 7)
	_, span := otel.Tracer("test").Start(t.Context(), SpanReceive)
	span.End()
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	http.DefaultClient.CloseIdleConnections()
	mu.Lock()
	defer mu.Unlock()
	// Protobuf keeps texts readable.
	if got := bodies["/v1/traces"]; !strings.Contains(got, SpanReceive) || !strings.Contains(got, "service.instance.id") {
		t.Errorf("traces: %q", got)
	}
	if got := bodies["/v1/metrics"]; !strings.Contains(got, "maskline.fetcher.received") || !strings.Contains(got, MetricBuildInfo) {
		t.Errorf("metrics: %q", got)
	}
}

func TestErrorHandler_LogsOnceAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		handler := newErrorHandler(slog.New(slog.NewTextHandler(&log, nil)))
		for range 60 * 3 { // three minutes, virtual
			handler.Handle(errors.New("collector: gone"))
			time.Sleep(time.Second)
		}
		if got := strings.Count(log.String(), "collector: gone"); got != 3 || !strings.Contains(log.String(), "suppressed=59") {
			t.Errorf("%d lines, want 3: %s", got, log.String())
		}
	})
}

// traced is a context with a span from elsewhere.
func traced(t *testing.T) (context.Context, trace.SpanContext) {
	t.Helper()
	state, err := trace.ParseTraceState("vendor=1")
	if err != nil {
		t.Fatal(err)
	}
	sc := trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled, TraceState: state, Remote: true,
	})
	return trace.ContextWithSpanContext(t.Context(), sc), sc
}

func TestInject_ExtractGivesTheSameTrace(t *testing.T) {
	t.Parallel()
	ctx, sc := traced(t)
	parent, state := Inject(ctx)
	if parent != "00-01000000000000000000000000000000-0200000000000000-01" || state != "vendor=1" {
		t.Errorf("injected %q, %q", parent, state)
	}
	if got := trace.SpanContextFromContext(Extract(t.Context(), parent, state)); !got.Equal(sc) {
		t.Errorf("extracted %v", got)
	}
	if parent, state := Inject(t.Context()); parent != "" || state != "" {
		t.Errorf("injected nothing as %q, %q", parent, state)
	}
	for _, bad := range []string{"", "00-zz-01", strings.Repeat("x", 1000)} {
		if got := trace.SpanContextFromContext(Extract(t.Context(), bad, "")); got.IsValid() {
			t.Errorf("%q extracted as %v", bad, got)
		}
	}
}
