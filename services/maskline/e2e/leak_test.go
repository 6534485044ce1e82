package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"google.golang.org/protobuf/encoding/prototext"

	"github.com/maskline/maskline/services/fetcher"
	"github.com/maskline/maskline/services/maskline/leak"
)

// canaries are values that occur nowhere else, each in a message that takes another way.
var canaries = []string{"198.51.100.77", "198.51.100.78", "2001:db8:77::1", "911-27-6543", "911-27-6544", "911-27-6545", "911-27-6546", "911-27-6547"}

func leaky() []string {
	return []string{
		`{"user_id":"u1","ip":"198.51.100.77","device_id":"911-27-6543"}`,                                // good
		`{"user_id":"u2","ip":"198.51.100.78x","device_id":"911-27-6544"}`,                               // bad address
		`{"user_id":"u3","ip":"2001:db8:77::1","device_id":"911-27-6545"`,                                // cut off
		`{"user_id":"u4","ip":["198.51.100.77"],"device_id":"911-27-6545"}`,                              // wrong type
		`{"user_id":"u5","911-27-6546":1,"911-27-6546":2,"ip":"198.51.100.77"}`,                          // a name given twice
		`{"user_id":"u6","app_version":"911-27-6547","ip":"198.51.100.77"}`,                              // bad version
		`{"user_id":"u7","locale":"` + strings.Repeat("911-27-6547", 4) + `","device_id":"911-27-6543"}`, // too long
		`{"user_id":"u8","device_type":"911-27-6547","device_id":"911-27-6543"}`,                         // refused by Postgres
		`"198.51.100.77"`, // no object
		`{"device_id":"911-27-6543","ip":"198.51.100.77"}`,                                                   // no user
		"{\"user_id\":\"u9\",\"ip\":\"198.51.100.77\",\"device_id\":\"911-27-6543\",\"locale\":\"\\u0000\"}", // NUL
	}
}

func TestLeak_NoRawValueLeavesTheQueuesAndTheMemory(t *testing.T) {
	t.Parallel()
	recorder := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	t.Cleanup(func() { _ = provider.Shutdown(t.Context()) })
	reader := sdkmetric.NewManualReader()
	meter := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	s := start(t, options{tracer: provider, meter: meter, sql: "ALTER TABLE user_logins ADD CONSTRAINT no_digits CHECK (device_type !~ '^9')"})
	s.sendRaw(t, leaky()...)
	s.awaitEmpty(t)
	if n := len(s.letters(t)); n != len(leaky())-1 {
		t.Errorf("%d dead letters, want %d: some way was not taken", n, len(leaky())-1)
	}

	outputs := map[string]string{"logs": s.logs.String()}
	for _, m := range s.queue.Messages(deadLetters) {
		outputs["reasons"] += m.Attributes[fetcher.RejectAttribute].StringValue + m.Attributes[fetcher.OriginAttribute].StringValue
	}
	for _, span := range recorder.Ended() {
		outputs["spans"] += fmt.Sprintln(span.Name(), span.Attributes(), span.Events(), span.Status(), span.Links())
	}
	var metrics metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &metrics); err != nil {
		t.Fatal(err)
	}
	shown, err := json.Marshal(metrics)
	if err != nil {
		t.Fatal(err)
	}
	outputs["metrics"] = string(shown)
	outputs["status"] = prototext.Format(s.fetchers[0].is.Status()) + prototext.Format(s.maskers[0].is.Status()) + prototext.Format(s.writers[0].is.Status())
	var table string
	if err := s.db.QueryRow(t.Context(), "SELECT string_agg(l::text, ';') FROM user_logins l").Scan(&table); err != nil {
		t.Fatal(err)
	}
	outputs["table"] = table
	needles, err := leak.For(canaries...)
	if err != nil {
		t.Fatal(err)
	}
	for where, text := range outputs {
		if text == "" {
			t.Errorf("%s: empty, so nothing was searched", where)
		}
		hits, err := leak.Search(strings.NewReader(text), needles, 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, hit := range hits {
			t.Errorf("%s: holds a raw value: %s", where, hit)
		}
	}
}
