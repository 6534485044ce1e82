package queue_test

import (
	"testing"
	"time"

	"github.com/maskline/maskline/pkg/local/queue"
)

func TestTally_TellsReleasedMessagesFromThoseWhoseTimeoutEnded(t *testing.T) {
	t.Parallel()
	c := newClock()
	b := setup(t, queue.Options{Now: c.read}, nil)
	b.send("x")
	first := b.one(nil)
	b.ok("ChangeMessageVisibility", fields{"ReceiptHandle": first.ReceiptHandle, "VisibilityTimeout": 0})
	b.one(nil)
	if got, want := b.Tally("orders"), (queue.Tally{Deliveries: 2, Again: 1, AfterRelease: 1, MostReceives: 2}); got != want {
		t.Errorf("after a release: %+v, want %+v", got, want)
	}
	c.pass(31 * time.Second)
	last := b.one(nil)
	b.ok("DeleteMessage", fields{"ReceiptHandle": last.ReceiptHandle})
	if got, want := b.Tally("orders"), (queue.Tally{Deliveries: 3, Again: 2, AfterRelease: 1, MostReceives: 3}); got != want {
		t.Errorf("after a timeout: %+v, want %+v", got, want)
	}
	if got := b.Tally("unknown"); got != (queue.Tally{}) {
		t.Errorf("of an unknown queue: %+v", got)
	}
}
