package e2e

import (
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/maskline/maskline/pkg/telemetry"
	"github.com/maskline/maskline/pkg/testkit"
)

func TestTrace_OneTraceLeadsFromTheReceiveToTheDelete(t *testing.T) {
	t.Parallel()
	recorder := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	t.Cleanup(func() { _ = provider.Shutdown(t.Context()) })
	s := start(t, options{tracer: provider})
	s.send(t, 1, 1)
	s.awaitEmpty(t)
	want := []string{
		telemetry.SpanReceive, telemetry.SpanForward, telemetry.SpanMask, telemetry.SpanWrite, telemetry.SpanCommit,
		telemetry.SpanSettle, telemetry.SpanDelete,
	}
	byName := map[string]sdktrace.ReadOnlySpan{}
	testkit.Eventually(t, patience, func() bool {
		for _, span := range recorder.Ended() {
			byName[span.Name()] = span
		}
		return len(byName) == len(want)
	}, "a span of every step")
	root := byName[telemetry.SpanReceive]
	if root.Parent().IsValid() {
		t.Error("the receive is not the root")
	}
	spans := map[string]bool{}
	for _, span := range recorder.Ended() {
		spans[span.SpanContext().SpanID().String()] = true
	}
	for _, name := range want {
		span, ok := byName[name]
		switch {
		case !ok:
			t.Errorf("no span %s", name)
		case span.SpanContext().TraceID() != root.SpanContext().TraceID():
			t.Errorf("span %s is in another trace", name)
		case name != telemetry.SpanReceive && !spans[span.Parent().SpanID().String()]:
			t.Errorf("the parent of span %s is not there", name)
		}
	}
}
