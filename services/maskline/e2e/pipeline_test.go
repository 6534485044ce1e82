package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/maskline/maskline/pkg/local/queue"
	"github.com/maskline/maskline/pkg/testkit"
	"github.com/maskline/maskline/services/fetcher"
)

func TestPipeline_EveryMessageBecomesOneRowAndTheWorkIsShared(t *testing.T) {
	t.Parallel()
	const n = 6000
	s := start(t, options{queue: queue.Options{Scatter: true, Seed: 1}, fetchers: 2, maskers: 3, writer: 2})
	s.send(t, 0, n)
	s.awaitEmpty(t)
	s.expectRows(t, n)
	if letters := s.letters(t); len(letters) != 0 {
		t.Errorf("%d dead letters", len(letters))
	}
	for i, m := range s.maskers {
		if share := m.is.Totals()["received"]; share < n*15/100 {
			t.Errorf("masker %d did %d of %d", i, share, n)
		}
	}
	for i, w := range s.writers {
		if share := w.is.Status().GetCounters()["received"]; share < n*15/100 {
			t.Errorf("writer %d did %d of %d", i, share, n)
		}
	}
}

func TestPipeline_FaultsOfTheQueueLoseNothingAndDoubleNothing(t *testing.T) {
	t.Parallel()
	const n = 2000
	s := start(t, options{visibility: 2, queue: queue.Options{Seed: 3, Faults: queue.Faults{
		{Action: "ReceiveMessage", Kind: queue.Duplicate, Every: 5},
		{Action: "ReceiveMessage", Kind: queue.LostResponse, Every: 40},
		{Action: "ReceiveMessage", Kind: queue.Status500, Every: 50},
		{Action: "DeleteMessageBatch", Kind: queue.PartialFailure, Every: 4, Fraction: 0.3},
		{Action: "DeleteMessageBatch", Kind: queue.StaleHandle, Every: 9, Fraction: 0.3},
		{Action: "DeleteMessageBatch", Kind: queue.LostResponse, Every: 15},
		{Action: "DeleteMessageBatch", Kind: queue.Throttle, Every: 31},
		{Action: "ChangeMessageVisibilityBatch", Kind: queue.PartialFailure, Every: 3, Fraction: 0.5},
	}}})
	s.send(t, 0, n)
	s.awaitEmpty(t)
	s.expectRows(t, n)
	if letters := s.letters(t); len(letters) != 0 {
		t.Errorf("%d dead letters", len(letters))
	}
	fired := s.queue.FaultCounts()
	for _, kind := range []queue.Kind{queue.Duplicate, queue.LostResponse, queue.PartialFailure, queue.StaleHandle} {
		if fired[kind] == 0 {
			t.Errorf("%v has not fired: the test shows nothing", kind)
		}
	}
	if s.fetchers[0].is.Totals()["repeated"]+s.fetchers[0].is.Totals()["duplicate"] == 0 {
		t.Error("no message came twice: the test shows nothing")
	}
}

func TestPipeline_ABadMessageGoesToTheDeadLetterQueueWithItsReason(t *testing.T) {
	t.Parallel()
	s := start(t, options{sql: "ALTER TABLE user_logins ADD CONSTRAINT known_device CHECK (device_type <> 'fax')"})
	long := strings.Repeat("é", 33)
	bad := []struct {
		body string
		want fetcher.Reject
	}{
		{`{"user_id":"a"`, fetcher.Reject{Reason: "not_json", Stage: "masker"}},
		{`{"foo":"oops","bar":"123"}`, fetcher.Reject{Reason: "missing", Column: "user_id", Stage: "masker"}},
		{strings.Replace(body(1), "203.0.113.1", "not an address", 1), fetcher.Reject{Reason: "bad_format", Column: "ip", Stage: "masker"}},
		{strings.Replace(body(2), `"ios"`, `"ios","device_type":"android"`, 1), fetcher.Reject{Reason: "duplicate_key", Column: "device_type", Stage: "masker"}},
		{strings.Replace(body(3), "null", `"`+long+`"`, 1), fetcher.Reject{Reason: "too_long", Column: "locale", Stage: "masker"}},
		{strings.Replace(body(4), "ios", "fax", 1), fetcher.Reject{Reason: "database_constraint", Column: "device_type", SQLState: "23514", Constraint: "known_device", Stage: "writer"}},
	}
	var messages []queue.Message
	for _, b := range bad {
		messages = append(messages, queue.Message{Body: b.body})
	}
	ids, err := s.queue.Send(source, messages...)
	if err != nil {
		t.Fatal(err)
	}
	s.send(t, 100, 50)
	s.awaitEmpty(t)
	s.expectRows(t, 50)
	letters := s.letters(t)
	for i, b := range bad {
		if got := letters[ids[i]]; got != b.want {
			t.Errorf("%d: %+v, want %+v", i, got, b.want)
		}
	}
	bodies := map[string]bool{}
	for _, m := range s.queue.Messages(deadLetters) {
		bodies[m.Body] = true
	}
	for i, b := range bad {
		if !bodies[b.body] {
			t.Errorf("%d: the original body is not in the dead-letter queue", i)
		}
	}
}

func TestPipeline_ACopyWithItsOriginIsTheSameEvent(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	id := s.send(t, 1, 1)[0]
	sent := s.queue.Messages(source)
	s.awaitEmpty(t)
	s.expectRows(t, 1)
	attribute := fetcher.Origin{ID: id, SentMS: sentMS(t, s, id, sent)}.Attribute()
	if _, err := s.queue.Send(source, queue.Message{Body: body(1), Attributes: map[string]queue.Attribute{
		fetcher.OriginAttribute: {DataType: "String", StringValue: attribute},
	}}); err != nil {
		t.Fatal(err)
	}
	s.awaitEmpty(t)
	s.expectRows(t, 1)
	if n := s.fetchers[0].is.Totals()["duplicate"]; n != 1 {
		t.Errorf("%d duplicates counted, want 1", n)
	}
}

// sentMS reads the sent time back out of the event id, if the message was taken before it could be looked at.
func sentMS(t *testing.T, s *system, id string, sent []queue.Message) int64 {
	t.Helper()
	if len(sent) == 1 {
		return sent[0].Sent.UnixMilli()
	}
	var text string
	if err := s.db.QueryRow(t.Context(), "SELECT left(replace(event_id::text, '-', ''), 12) FROM user_logins").Scan(&text); err != nil {
		t.Fatal(err)
	}
	var ms int64
	if _, err := fmt.Sscanf(text, "%x", &ms); err != nil {
		t.Fatalf("event id of %s: %v", id, err)
	}
	return ms
}

func TestPipeline_DatesAreThoseOfTheSending(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	if _, err := s.queue.Send(source, queue.Message{Body: body(1), Sent: time.Date(2024, 2, 28, 23, 59, 59, 0, time.UTC)},
		queue.Message{Body: body(2), Sent: time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)}); err != nil {
		t.Fatal(err)
	}
	s.awaitEmpty(t)
	if n := s.count(t, "SELECT count(*) FROM user_logins WHERE create_date::text = CASE user_id WHEN 'user-1' THEN '2024-02-28' ELSE '2024-02-29' END"); n != 2 {
		t.Errorf("%d of 2 dates are right", n)
	}
}

func TestPipeline_AClashWithAnotherKeyIsNoDuplicate(t *testing.T) {
	t.Parallel()
	s := start(t, options{sql: "CREATE UNIQUE INDEX one_login_per_user ON user_logins (user_id)"})
	s.send(t, 1, 1)
	s.awaitEmpty(t)
	ids := s.send(t, 1, 1)
	s.awaitEmpty(t)
	want := fetcher.Reject{Reason: "database_constraint", Column: "user_id", SQLState: "23505", Constraint: "one_login_per_user", Stage: "writer"}
	if got := s.letters(t)[ids[0]]; got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestPipeline_AHundredEqualRejectionsPauseTheIntake(t *testing.T) {
	t.Parallel()
	s := start(t, options{fetcher: func(c *fetcher.Config) { c.RejectBrake = 100 }})
	messages := make([]queue.Message, 3000)
	for i := range messages {
		messages[i].Body = fmt.Sprintf(`{"user":"renamed field %d"}`, i)
	}
	if _, err := s.queue.Send(source, messages...); err != nil {
		t.Fatal(err)
	}
	f := s.fetchers[0].is
	testkit.Eventually(t, patience, func() bool {
		_, reason := f.Ready()
		return strings.Contains(reason, "100 rejections in a row with reason missing, column user_id")
	}, "a pause with its reason")
	testkit.Eventually(t, patience, func() bool { return len(s.queue.Messages(deadLetters)) == 100 }, "the hundred dead letters")
	if got := f.Totals()["rejected"]; got != 100 {
		t.Errorf("%d rejected", got)
	}
	testkit.Eventually(t, patience, func() bool {
		visible, hidden, _ := s.queue.Counts(source)
		return visible+hidden == 2900
	}, "2900 messages left in the queue")
}
