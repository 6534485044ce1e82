package e2e

import (
	"strings"
	"testing"

	"github.com/maskline/maskline/pkg/testkit"
)

// awaitReason waits until the fetcher says why it holds.
func (s *system) awaitReason(t *testing.T, part string) {
	t.Helper()
	testkit.Eventually(t, patience, func() bool {
		ready, reason := s.fetchers[0].is.Ready()
		return !ready && strings.Contains(reason, part)
	}, "a reason with "+part)
}

func TestTrouble_AMissingTableHoldsEverythingUntilItIsMade(t *testing.T) {
	t.Parallel()
	s := start(t, options{visibility: 2})
	s.send(t, 0, 100)
	s.awaitEmpty(t)
	s.exec(t, "ALTER TABLE user_logins RENAME TO elsewhere")
	s.send(t, 100, 400)
	s.awaitReason(t, "user_logins")
	if letters := s.letters(t); len(letters) != 0 {
		t.Errorf("%d dead letters while the table is missing", len(letters))
	}
	s.exec(t, "ALTER TABLE elsewhere RENAME TO user_logins")
	s.awaitEmpty(t)
	s.expectRows(t, 500)
	if letters := s.letters(t); len(letters) != 0 {
		t.Errorf("%d dead letters", len(letters))
	}
}

func TestTrouble_ATableThatIsNotThereYetIsWaitedFor(t *testing.T) {
	t.Parallel()
	s := start(t, options{noTable: true})
	s.send(t, 0, 50)
	s.awaitReason(t, "user_logins")
	s.exec(t, `CREATE TABLE user_logins (user_id varchar(128), device_type varchar(32), masked_ip varchar(256),
		masked_device_id varchar(256), locale varchar(32), app_version integer, create_date date, event_id uuid NOT NULL UNIQUE)`)
	s.awaitEmpty(t)
	s.expectRows(t, 50)
}

func TestTrouble_LostConnectionsAreOnlyADelay(t *testing.T) {
	t.Parallel()
	const n = 3000
	s := start(t, options{writer: 2})
	s.send(t, 0, n)
	for cut := 1; cut <= 5; cut++ {
		testkit.Eventually(t, patience, func() bool { return s.rows(t) >= cut*n/8 }, "rows")
		s.exec(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'maskline-writer' AND datname = current_database()")
	}
	s.awaitEmpty(t)
	s.expectRows(t, n)
	if letters := s.letters(t); len(letters) != 0 {
		t.Errorf("%d dead letters", len(letters))
	}
}

func TestTrouble_AnUnreachableDeadLetterQueueHoldsTheRejected(t *testing.T) {
	t.Parallel()
	s := start(t, options{visibility: 2})
	s.send(t, 0, 10)
	s.awaitEmpty(t)
	s.queue.SetFaults(faultsOnLetters())
	s.sendRaw(t, "{", "[]")
	s.awaitReason(t, "dead-letter queue")
	if visible, hidden, _ := s.queue.Counts(source); visible+hidden != 2 {
		t.Errorf("%d messages left, want the two that are rejected", visible+hidden)
	}
	s.queue.SetFaults(nil)
	s.awaitEmpty(t)
	if letters := s.letters(t); len(letters) != 2 {
		t.Errorf("%d dead letters, want 2", len(letters))
	}
}
