package queue_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/maskline/maskline/pkg/local/queue"
)

func TestDelete_OlderHandleSucceedsAndDeletesNothing(t *testing.T) {
	t.Parallel()
	c := newClock()
	b := setup(t, queue.Options{Now: c.read}, nil)
	b.send("x")
	older := b.one(nil)
	c.pass(31 * time.Second)
	newer := b.one(nil)
	if older.ReceiptHandle == newer.ReceiptHandle {
		t.Fatal("two receives gave one handle")
	}
	b.ok("DeleteMessage", fields{"ReceiptHandle": older.ReceiptHandle})
	b.ok("ChangeMessageVisibility", fields{"ReceiptHandle": older.ReceiptHandle, "VisibilityTimeout": 0})
	b.counts(0, 1, 0)
	b.ok("DeleteMessage", fields{"ReceiptHandle": newer.ReceiptHandle})
	b.counts(0, 0, 0)
	b.ok("DeleteMessage", fields{"ReceiptHandle": newer.ReceiptHandle}) // again: the same answer
}

func TestDelete_ExpiredHandleStillDeletesWhatNobodyHasReceivedSince(t *testing.T) {
	t.Parallel()
	c := newClock()
	b := setup(t, queue.Options{Now: c.read}, nil)
	b.send("x")
	m := b.one(nil)
	c.pass(31 * time.Second)
	b.counts(1, 0, 0)
	b.ok("DeleteMessage", fields{"ReceiptHandle": m.ReceiptHandle})
	b.counts(0, 0, 0)
}

func TestDelete_ForeignHandlesAreInvalid(t *testing.T) {
	t.Parallel()
	b := setup(t, queue.Options{}, nil)
	b.send("x")
	m := b.one(nil)
	for name, handle := range map[string]string{
		"garbage": "garbage", "altered": m.ReceiptHandle[:40] + "AAAA" + m.ReceiptHandle[44:], "cut short": m.ReceiptHandle[:20],
	} {
		r := b.post("DeleteMessage", fields{"ReceiptHandle": handle})
		t.Log(name)
		b.refused(r, http.StatusNotFound, "ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid;Sender")
	}
	b.ok("DeleteQueue", fields{})
	if err := b.CreateQueue("orders", nil); err != nil {
		t.Fatal(err)
	}
	b.refused(b.post("DeleteMessage", fields{"ReceiptHandle": m.ReceiptHandle}), http.StatusNotFound, "ReceiptHandleIsInvalid",
		"ReceiptHandleIsInvalid;Sender")
}

func TestVisibility_ExtendsReleasesAndRefuses(t *testing.T) {
	t.Parallel()
	c := newClock()
	b := setup(t, queue.Options{Now: c.read}, nil)
	b.send("x")
	m := b.one(nil)
	change := func(seconds int) reply {
		return b.post("ChangeMessageVisibility", fields{"ReceiptHandle": m.ReceiptHandle, "VisibilityTimeout": seconds})
	}
	c.pass(20 * time.Second)
	if r := change(30); r.status != http.StatusOK {
		t.Fatal(r.Type)
	}
	c.pass(29 * time.Second)
	b.counts(0, 1, 0)
	// Twelve hours count from the receive, 49 s ago.
	b.refused(change(43_200), http.StatusBadRequest, "InvalidParameterValue", "InvalidParameterValue;Sender")
	b.refused(change(43_201), http.StatusBadRequest, "InvalidParameterValue", "InvalidParameterValue;Sender")
	if r := change(0); r.status != http.StatusOK {
		t.Fatal(r.Type)
	}
	b.counts(1, 0, 0)
	b.refused(change(5), http.StatusBadRequest, "MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight;Sender")
	b.ok("DeleteMessage", fields{"ReceiptHandle": m.ReceiptHandle})
	b.refused(change(5), http.StatusBadRequest, "InvalidParameterValue", "InvalidParameterValue;Sender")
}

func TestReceiptBatch_EntriesFailOneByOne(t *testing.T) {
	t.Parallel()
	b := setup(t, queue.Options{}, nil)
	b.send("x", "y")
	got := b.receive(nil)
	r := b.ok("ChangeMessageVisibilityBatch", fields{"Entries": []fields{
		{"Id": "good", "ReceiptHandle": got[0].ReceiptHandle, "VisibilityTimeout": 0},
		{"Id": "bad", "ReceiptHandle": "bad", "VisibilityTimeout": 0},
		{"Id": "untimed", "ReceiptHandle": got[1].ReceiptHandle},
	}})
	if len(r.Successful) != 1 || len(r.Failed) != 2 || r.Failed[0].Code != "ReceiptHandleIsInvalid" || !r.Failed[0].SenderFault ||
		r.Failed[1].Code != "MissingParameter" {
		t.Errorf("answer %+v %+v", r.Successful, r.Failed)
	}
	b.counts(1, 1, 0)
	r = b.ok("DeleteMessageBatch", fields{"Entries": []fields{
		{"Id": "0", "ReceiptHandle": got[0].ReceiptHandle}, {"Id": "1", "ReceiptHandle": got[1].ReceiptHandle},
	}})
	if len(r.Successful) != 2 || len(r.Failed) != 0 {
		t.Errorf("answer %+v %+v", r.Successful, r.Failed)
	}
	b.counts(0, 0, 0)
}

func TestBatch_MalformedOnesAreRefusedWhole(t *testing.T) {
	t.Parallel()
	b := setup(t, queue.Options{}, nil)
	entries := func(ids ...string) fields {
		all := []fields{}
		for _, id := range ids {
			all = append(all, fields{"Id": id, "ReceiptHandle": "h", "MessageBody": "x", "VisibilityTimeout": 1})
		}
		return fields{"Entries": all}
	}
	long := string(make([]byte, 81))
	for _, action := range []string{"SendMessageBatch", "DeleteMessageBatch", "ChangeMessageVisibilityBatch"} {
		for code, request := range map[string]fields{
			"EmptyBatchRequest":            entries(),
			"TooManyEntriesInBatchRequest": entries(numbered(11)...),
			"BatchEntryIdsNotDistinct":     entries("a", "b", "a"),
			"InvalidBatchEntryId":          entries("a", long),
		} {
			b.refused(b.post(action, request), http.StatusBadRequest, code, "AWS.SimpleQueueService."+code+";Sender")
		}
	}
	b.counts(0, 0, 0)
}
