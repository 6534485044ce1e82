package fetcher

import (
	"log/slog"
	"testing"

	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/maskline/maskline/pkg/relay"
)

func TestFetcher_AFrameThatFindsNoCreditLeavesNoSpan(t *testing.T) {
	t.Parallel()
	recorder := tracetest.NewSpanRecorder()
	f, err := New(Config{Listen: "127.0.0.1:0"}, Deps{
		Logger: slog.New(slog.DiscardHandler), Tracer: trace.NewTracerProvider(trace.WithSpanProcessor(recorder)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.server.Stop(t.Context()) })
	f.table = tableWith(0, 0)
	for i := range relay.MaxFrameRecords {
		f.table.Receive(message(i), at(0).Add(visibility), oteltrace.SpanContext{})
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.forwardOne(t.Context()) {
		t.Fatal("a frame was sent to nobody")
	}
	if started, ended := len(recorder.Started()), len(recorder.Ended()); started != 1 || ended != 0 {
		t.Errorf("%d spans begun, %d exported; want 1 and 0", started, ended)
	}
}
