package e2e

import (
	"testing"
	"time"

	"github.com/maskline/maskline/pkg/testkit"
)

// TestIdle_AnEmptyQueueCostsTheReceivesOfOnePoller counts what SQS would bill, with long polls of 1 s instead of 20.
func TestIdle_AnEmptyQueueCostsTheReceivesOfOnePoller(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	receives := func() int { return s.queue.Requests()["ReceiveMessage"] }
	reach := func(n int) {
		t.Helper()
		testkit.Eventually(t, patience, func() bool { return receives() >= n }, "receives of an idle fetcher")
	}
	reach(6) // the four pollers' first ones, the scout's first, and the one that shows that it is alone
	first, began := receives(), time.Now()
	reach(first + 4)
	// Four pollers would have made these in one second. The first may have come at once, each other takes a long poll.
	if took := time.Since(began); took < 2900*time.Millisecond {
		t.Errorf("4 receives of an empty queue in %v", took)
	}
	s.send(t, 0, 200)
	s.awaitEmpty(t)
	s.expectRows(t, 200)
}
