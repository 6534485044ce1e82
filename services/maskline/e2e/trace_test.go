package e2e

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/maskline/maskline/pkg/local/queue"
	"github.com/maskline/maskline/pkg/telemetry"
	"github.com/maskline/maskline/pkg/testkit"
)

// traced is a system whose spans are recorded.
func traced(t *testing.T) (*system, *tracetest.SpanRecorder) {
	t.Helper()
	recorder := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	t.Cleanup(func() { _ = provider.Shutdown(t.Context()) })
	return start(t, options{tracer: provider}), recorder
}

// awaitSpans waits for a span of every kind, and gives one of each by its name.
func awaitSpans(t *testing.T, recorder *tracetest.SpanRecorder) map[string]sdktrace.ReadOnlySpan {
	t.Helper()
	byName := map[string]sdktrace.ReadOnlySpan{}
	testkit.Eventually(t, patience, func() bool {
		for _, span := range recorder.Ended() {
			byName[span.Name()] = span
		}
		return len(byName) == len(telemetry.Spans())
	}, "a span of every step")
	return byName
}

func TestTrace_OneTraceLeadsFromTheReceiveToTheDelete(t *testing.T) {
	t.Parallel()
	s, recorder := traced(t)
	s.send(t, 1, 1)
	s.awaitEmpty(t)
	byName := awaitSpans(t, recorder)
	root := byName[telemetry.SpanReceive]
	if root.Parent().IsValid() {
		t.Error("the receive is not the root")
	}
	spans := map[string]bool{}
	for _, span := range recorder.Ended() {
		spans[span.SpanContext().SpanID().String()] = true
	}
	for name, span := range byName {
		switch {
		case span.SpanContext().TraceID() != root.SpanContext().TraceID():
			t.Errorf("span %s is in another trace", name)
		case name != telemetry.SpanReceive && !spans[span.Parent().SpanID().String()]:
			t.Errorf("the parent of span %s is not there", name)
		}
	}
}

func TestTrace_SpansAreOfTheListAndLinkToTheProducers(t *testing.T) {
	t.Parallel()
	s, recorder := traced(t)
	const producer = "0af7651916cd43dd8448eb211c80319c"
	if _, err := s.queue.Send(source, queue.Message{Body: body(1), Attributes: map[string]queue.Attribute{
		"traceparent": {DataType: "String", StringValue: "00-" + producer + "-b7ad6b7169203331-01"},
	}}); err != nil {
		t.Fatal(err)
	}
	s.send(t, 2, 200)
	s.awaitEmpty(t)
	awaitSpans(t, recorder)
	listed := map[string]telemetry.Span{}
	for _, l := range telemetry.Spans() {
		listed[l.Name] = l
	}
	links := 0
	for _, span := range recorder.Ended() {
		l := listed[span.Name()]
		if span.SpanKind().String() != l.Kind {
			t.Errorf("span %s is of the kind %s, want %s", span.Name(), span.SpanKind(), l.Kind)
		}
		var has []string
		for _, a := range span.Attributes() {
			has = append(has, string(a.Key))
			if !slices.Contains(l.Attributes, string(a.Key)) {
				t.Errorf("span %s has the attribute %s", span.Name(), a.Key)
			}
		}
		// The others tell of what went wrong.
		for _, a := range l.Attributes {
			if a != telemetry.AttrErrorType && a != telemetry.AttrDBStatus && !slices.Contains(has, a) {
				t.Errorf("span %s has no attribute %s", span.Name(), a)
			}
		}
		for _, link := range span.Links() {
			if span.Name() == telemetry.SpanReceive && link.SpanContext.TraceID().String() == producer {
				links++
			}
		}
		if len(span.Links()) > 128 {
			t.Errorf("span %s has %d links", span.Name(), len(span.Links()))
		}
	}
	if links != 1 {
		t.Errorf("%d receives link to the producer, want 1", links)
	}
}

func TestLog_ARejectionIsOneLineThatNamesItsTrace(t *testing.T) {
	t.Parallel()
	s, recorder := traced(t)
	ids, err := s.queue.Send(source,
		queue.Message{Body: `{"user_id":7}`}, // the masker's to reject
		queue.Message{Body: body(1), Attributes: map[string]queue.Attribute{"maskline-origin": {DataType: "String", StringValue: "none"}}}, // the fetcher's
	)
	if err != nil {
		t.Fatal(err)
	}
	s.send(t, 2, 1)
	s.awaitEmpty(t)
	awaitSpans(t, recorder)
	traces := map[trace.TraceID]bool{}
	for _, span := range recorder.Ended() {
		traces[span.SpanContext().TraceID()] = true
	}
	var rejected []string
	for line := range strings.Lines(s.logs.String()) {
		var said map[string]string
		if !strings.Contains(line, `"message rejected"`) {
			continue
		}
		if err := json.Unmarshal([]byte(line), &said); err != nil {
			t.Fatal(err)
		}
		rejected = append(rejected, said[telemetry.KeyMessageID])
		if id, err := trace.TraceIDFromHex(said[telemetry.KeyTraceID]); err != nil || !traces[id] || said[telemetry.KeyReason] == "" {
			t.Errorf("line %s", line)
		}
	}
	slices.Sort(rejected)
	if slices.Sort(ids); !slices.Equal(rejected, ids) {
		t.Errorf("lines for %v, want one for each of %v", rejected, ids)
	}
}
