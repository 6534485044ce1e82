package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/maskline/maskline/pkg/local/queue"
	"github.com/maskline/maskline/pkg/telemetry"
	"github.com/maskline/maskline/pkg/testkit"
	"github.com/maskline/maskline/services/fetcher"
)

// slowest bounds the test's own time: where a transaction takes more than 10 ms alone, it is less than 100 times slower.
const slowest = time.Second

func TestBounds_BodiesOfAMebibyteAndASlowDatabaseStayWithinTheCeilings(t *testing.T) {
	t.Parallel()
	const first, n = 8, 32
	recorder := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	t.Cleanup(func() { _ = provider.Shutdown(t.Context()) })
	s := start(t, options{tracer: provider, fetcher: func(c *fetcher.Config) { c.MaxInFlightBytes = 24 << 20 }})
	s.sendLarge(t, 0, first)
	s.awaitEmpty(t)
	clean := medianCommit(t, recorder)
	slow := min(99*clean, slowest)
	t.Logf("a transaction took %v, and now %v more", clean, slow)
	s.slowDown(t, slow)
	s.sendLarge(t, first, n)
	most := map[string]uint64{}
	testkit.Eventually(t, patience, func() bool {
		for _, status := range []interface {
			GetStage() string
			GetInFlightBytes() uint64
			GetInFlightBytesLimit() uint64
		}{s.fetchers[0].is.Status(), s.maskers[0].is.Status(), s.writers[0].is.Status()} {
			most[status.GetStage()] = max(most[status.GetStage()], status.GetInFlightBytes())
			if status.GetInFlightBytes() > status.GetInFlightBytesLimit() {
				t.Fatalf("the %s holds %d bytes, its ceiling is %d", status.GetStage(), status.GetInFlightBytes(), status.GetInFlightBytesLimit())
			}
		}
		visible, hidden, _ := s.queue.Counts(source)
		return visible+hidden == 0
	}, "an empty queue")
	s.expectRows(t, first+n)
	if most["fetcher"] < 10<<20 || most["masker"] < 1<<20 {
		t.Errorf("at most %v bytes were seen in flight: the test shows nothing", most)
	}
}

// sendLarge sends n messages of about 1 MiB.
func (s *system) sendLarge(t *testing.T, from, n int) {
	t.Helper()
	padding := strings.Repeat("x", 1<<20-200)
	for i := range n {
		if _, err := s.queue.Send(source, queue.Message{Body: fmt.Sprintf(`{"user_id":"user-%d","ip":"203.0.113.1","note":%q}`, from+i, padding)}); err != nil {
			t.Fatal(err)
		}
	}
}

// slowDown makes every statement that writes rows take so much longer.
func (s *system) slowDown(t *testing.T, by time.Duration) {
	t.Helper()
	s.exec(t, fmt.Sprintf(`CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(%f); RETURN NULL; END $$;
		CREATE TRIGGER slow AFTER INSERT ON user_logins FOR EACH STATEMENT EXECUTE FUNCTION slow()`, by.Seconds()))
}

// medianCommit is how long the writer's transactions took.
func medianCommit(t *testing.T, recorder *tracetest.SpanRecorder) time.Duration {
	t.Helper()
	var took []time.Duration
	for _, span := range recorder.Ended() {
		if span.Name() == telemetry.SpanCommit {
			took = append(took, span.EndTime().Sub(span.StartTime()))
		}
	}
	if len(took) == 0 {
		t.Fatal("no transaction was seen")
	}
	slices.Sort(took)
	return took[len(took)/2]
}
