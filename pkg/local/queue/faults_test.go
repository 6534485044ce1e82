package queue_test

import (
	"maps"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maskline/maskline/pkg/local/queue"
)

func script(t *testing.T, rules ...queue.Rule) bundle {
	t.Helper()
	return setup(t, queue.Options{Faults: rules}, nil)
}

func (b bundle) fired(want map[queue.Kind]int) {
	b.t.Helper()
	if got := b.FaultCounts(); !maps.Equal(got, want) {
		b.t.Errorf("fired %v, want %v", got, want)
	}
}

func TestFaults_LostResponseHidesWhatItReceived(t *testing.T) {
	t.Parallel()
	b := script(t, queue.Rule{Action: "ReceiveMessage", Kind: queue.LostResponse, Nth: 2})
	b.send("x", "y")
	b.receive(fields{"MaxNumberOfMessages": 1})
	if r := b.post("ReceiveMessage", fields{}); !r.cut {
		t.Error("the answer arrived")
	}
	b.counts(0, 2, 0)
	b.fired(map[queue.Kind]int{queue.LostResponse: 1})
}

func TestFaults_LostRequestAndErrorsDoNothing(t *testing.T) {
	t.Parallel()
	b := script(t,
		queue.Rule{Action: "ReceiveMessage", Kind: queue.LostRequest, Nth: 1},
		queue.Rule{Action: "ReceiveMessage", Kind: queue.Status500, Nth: 2},
		queue.Rule{Action: "ReceiveMessage", Kind: queue.Throttle, Nth: 3},
	)
	b.send("x")
	if r := b.post("ReceiveMessage", fields{}); !r.cut {
		t.Error("the answer arrived")
	}
	b.refused(b.post("ReceiveMessage", fields{}), http.StatusInternalServerError, "InternalFailure", "InternalFailure;Receiver")
	b.refused(b.post("ReceiveMessage", fields{}), http.StatusForbidden, "RequestThrottled", "RequestThrottled;Sender")
	b.counts(1, 0, 0)
	b.one(nil)
	b.fired(map[queue.Kind]int{queue.LostRequest: 1, queue.Status500: 1, queue.Throttle: 1})
	if got := b.Requests(); got["ReceiveMessage"] != 4 {
		t.Errorf("counted %v", got)
	}
}

func TestFaults_DelayWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := script(t, queue.Rule{Kind: queue.Delay, Delay: 3 * time.Second, Limit: 1})
		start := time.Now()
		b.receive(nil)
		b.receive(nil)
		if time.Since(start) != 3*time.Second {
			t.Errorf("two receives took %v", time.Since(start))
		}
	})
}

func TestFaults_PartialFailureIsNotDone(t *testing.T) {
	t.Parallel()
	b := script(t, queue.Rule{Action: "DeleteMessageBatch", Kind: queue.PartialFailure, Fraction: 0.5, Limit: 1})
	b.send(numbered(10)...)
	entries := []fields{}
	for i, m := range b.receive(nil) {
		entries = append(entries, fields{"Id": numbered(10)[i], "ReceiptHandle": m.ReceiptHandle})
	}
	r := b.ok("DeleteMessageBatch", fields{"Entries": entries})
	if len(r.Failed) == 0 || len(r.Failed) == 10 || len(r.Failed)+len(r.Successful) != 10 {
		t.Fatalf("%d failed, %d succeeded", len(r.Failed), len(r.Successful))
	}
	if r.Failed[0].Code != "InternalFailure" || r.Failed[0].SenderFault {
		t.Errorf("failed with %+v", r.Failed[0])
	}
	b.counts(0, len(r.Failed), 0)
	b.ok("DeleteMessageBatch", fields{"Entries": entries})
	b.counts(0, 0, 0)
	b.fired(map[queue.Kind]int{queue.PartialFailure: 1})
}

func TestFaults_StaleHandleSaysDoneAndIsNot(t *testing.T) {
	t.Parallel()
	b := script(t, queue.Rule{Kind: queue.StaleHandle, Limit: 2})
	b.send("x")
	m := b.one(nil)
	b.ok("DeleteMessage", fields{"ReceiptHandle": m.ReceiptHandle})
	r := b.ok("DeleteMessageBatch", fields{"Entries": []fields{{"Id": "a", "ReceiptHandle": m.ReceiptHandle}}})
	if len(r.Successful) != 1 {
		t.Errorf("answer %+v %+v", r.Successful, r.Failed)
	}
	b.counts(0, 1, 0)
	b.ok("DeleteMessage", fields{"ReceiptHandle": m.ReceiptHandle})
	b.counts(0, 0, 0)
	b.fired(map[queue.Kind]int{queue.StaleHandle: 2})
}

func TestFaults_DuplicateDeliversAHiddenMessageAgain(t *testing.T) {
	t.Parallel()
	b := script(t, queue.Rule{Kind: queue.Duplicate, Nth: 1})
	ids := b.send("x")
	first := b.one(nil) // armed, and nothing was in flight yet
	b.fired(map[queue.Kind]int{})
	second := b.one(nil)
	if second.MessageID != ids[0] || second.ReceiptHandle == first.ReceiptHandle || second.Attributes["ApproximateReceiveCount"] != "2" {
		t.Errorf("received %+v", second)
	}
	b.fired(map[queue.Kind]int{queue.Duplicate: 1})
	if got := b.receive(nil); len(got) != 0 {
		t.Errorf("received %d messages a third time", len(got))
	}
	b.ok("DeleteMessage", fields{"ReceiptHandle": first.ReceiptHandle})
	b.counts(0, 1, 0)
	b.ok("DeleteMessage", fields{"ReceiptHandle": second.ReceiptHandle})
	b.counts(0, 0, 0)
}

func TestFaults_EveryProbabilityAndLimit(t *testing.T) {
	t.Parallel()
	b := script(t, queue.Rule{Action: "ListQueues", Kind: queue.Throttle, Every: 3, Limit: 2})
	for range 12 {
		b.post("ListQueues", fields{})
	}
	b.fired(map[queue.Kind]int{queue.Throttle: 2})
	b.SetFaults(queue.Faults{{Action: "ListQueues", Kind: queue.Status500, Probability: 0.5}})
	for range 200 {
		b.post("ListQueues", fields{})
	}
	if n := b.FaultCounts()[queue.Status500]; n < 60 || n > 140 {
		t.Errorf("a probability of one half fired %d times of 200", n)
	}
	b.SetFaults(nil)
	b.ok("ListQueues", fields{})
}
