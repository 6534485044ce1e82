package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/maskline/maskline/pkg/local/queue"
	"github.com/maskline/maskline/pkg/testkit"
	"github.com/maskline/maskline/services/fetcher"
)

func TestBounds_BodiesOfAMebibyteAndASlowDatabaseStayWithinTheCeilings(t *testing.T) {
	t.Parallel()
	const n = 60
	s := start(t, options{
		sql: `CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.05); RETURN NEW; END $$;
			CREATE TRIGGER slow BEFORE INSERT ON user_logins FOR EACH ROW EXECUTE FUNCTION slow()`,
		fetcher: func(c *fetcher.Config) { c.MaxInFlightBytes = 24 << 20 },
	})
	padding := strings.Repeat("x", 1<<20-200)
	messages := make([]queue.Message, n)
	for i := range messages {
		messages[i].Body = fmt.Sprintf(`{"user_id":"user-%d","ip":"203.0.113.1","note":%q}`, i, padding)
	}
	if _, err := s.queue.Send(source, messages...); err != nil {
		t.Fatal(err)
	}
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
	s.expectRows(t, n)
	if most["fetcher"] < 10<<20 || most["masker"] < 1<<20 {
		t.Errorf("at most %v bytes were seen in flight: the test shows nothing", most)
	}
}
