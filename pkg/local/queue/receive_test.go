package queue_test

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maskline/maskline/pkg/local/queue"
)

func TestReceive_FullBatchesInOrderOfArrival(t *testing.T) {
	t.Parallel()
	b := setup(t, queue.Options{}, nil)
	b.send(numbered(25)...)
	want := numbered(25)
	for _, n := range []int{10, 10, 5} {
		if got := bodies(b.receive(nil)); !slices.Equal(got, want[:n]) {
			t.Fatalf("received %v, want %v", got, want[:n])
		}
		want = want[n:]
	}
	b.counts(0, 25, 0)
}

func TestReceive_ScatterIsPartialDisorderedAndRepeatable(t *testing.T) {
	t.Parallel()
	run := func() (batches []int, order []string) {
		b := setup(t, queue.Options{Scatter: true, Seed: 7}, nil)
		b.send(numbered(300)...)
		for len(order) < 300 {
			got := bodies(b.receive(nil))
			if len(got) < 1 || len(got) > 10 {
				t.Fatalf("received %d messages", len(got))
			}
			batches, order = append(batches, len(got)), append(order, got...)
		}
		return batches, order
	}
	batches, order := run()
	if slices.Min(batches[:20]) == 10 || slices.Equal(order, numbered(300)) {
		t.Error("a scattered receive was neither partial nor out of order")
	}
	if again, same := run(); !slices.Equal(batches, again) || !slices.Equal(order, same) {
		t.Error("the same seed gave another order")
	}
	slices.Sort(order)
	if len(slices.Compact(order)) != 300 {
		t.Error("not every message was delivered once")
	}
}

func TestReceive_SystemAttributesAreThoseAskedFor(t *testing.T) {
	t.Parallel()
	c := newClock()
	b := setup(t, queue.Options{Now: c.read}, nil)
	b.ok("SendMessage", fields{
		"MessageBody": "x", "MessageGroupId": "tenant-1",
		"MessageSystemAttributes": fields{"AWSTraceHeader": fields{"DataType": "String", "StringValue": "Root=1-2-3"}},
	})
	sent := strconv.FormatInt(c.now.UnixMilli(), 10)
	c.pass(time.Second)
	first := strconv.FormatInt(c.now.UnixMilli(), 10)
	b.one(fields{"VisibilityTimeout": 0})
	c.pass(time.Second)
	got := b.one(fields{"VisibilityTimeout": 0}).Attributes
	for name, want := range map[string]string{
		"SentTimestamp": sent, "ApproximateFirstReceiveTimestamp": first, "ApproximateReceiveCount": "2",
		"MessageGroupId": "tenant-1", "AWSTraceHeader": "Root=1-2-3", "SenderId": "000000000000",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	if got := b.one(fields{"VisibilityTimeout": 0, "MessageSystemAttributeNames": []string{"SentTimestamp"}}).Attributes; len(got) != 1 {
		t.Errorf("asked for one attribute, got %v", got)
	}
	older := b.one(fields{"VisibilityTimeout": 0, "MessageSystemAttributeNames": []string{}, "AttributeNames": []string{"SentTimestamp"}})
	if len(older.Attributes) != 1 {
		t.Errorf("asked by the older name for one attribute, got %v", older.Attributes)
	}
}

func TestReceive_MessageAttributesAreThoseAskedFor(t *testing.T) {
	t.Parallel()
	b := setup(t, queue.Options{}, nil)
	text := func(s string) queue.Attribute { return queue.Attribute{DataType: "String", StringValue: s} }
	_, err := b.Send("orders", queue.Message{Body: "x", Attributes: map[string]queue.Attribute{
		"a.one": text("1"), "a.two": text("2"), "b": {DataType: "Binary.raw", BinaryValue: []byte{0, 255}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ ask, want []string }{
		{nil, nil},
		{[]string{"b", "unknown"}, []string{"b"}},
		{[]string{"a.*"}, []string{"a.one", "a.two"}},
		{[]string{"All"}, []string{"a.one", "a.two", "b"}},
		{[]string{".*"}, []string{"a.one", "a.two", "b"}},
	} {
		m := b.one(fields{"VisibilityTimeout": 0, "MessageAttributeNames": c.ask})
		var got []string
		for name := range m.MessageAttributes {
			got = append(got, name)
		}
		slices.Sort(got)
		if !slices.Equal(got, c.want) || (m.MD5OfMessageAttributes == "") != (len(c.want) == 0) {
			t.Errorf("asked for %v: got %v, digest %q", c.ask, got, m.MD5OfMessageAttributes)
		}
	}
}

func TestReceive_LongPollWakesOnSend(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, queue.Options{}, nil)
		start := time.Now()
		time.AfterFunc(3*time.Second, func() { b.send("late") })
		if m := b.one(fields{"WaitTimeSeconds": 20}); m.Body != "late" || time.Since(start) != 3*time.Second {
			t.Errorf("received %q after %v", m.Body, time.Since(start))
		}
	})
}

func TestReceive_LongPollEndsEmptyAfterItsWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, queue.Options{}, map[string]string{"ReceiveMessageWaitTimeSeconds": "7"})
		start := time.Now()
		if got := b.receive(nil); len(got) != 0 || time.Since(start) != 7*time.Second {
			t.Errorf("received %d after %v", len(got), time.Since(start))
		}
	})
}

func TestReceive_LongPollWakesWhenVisibilityOrDelayEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, queue.Options{}, map[string]string{"VisibilityTimeout": "30"})
		b.send("first")
		held := b.one(nil)
		b.ok("SendMessage", fields{"MessageBody": "second", "DelaySeconds": 6})
		start := time.Now()
		// Another receiver shortens the timeout while the long poll already sleeps until a later deadline.
		time.AfterFunc(2*time.Second, func() {
			b.ok("ChangeMessageVisibility", fields{"ReceiptHandle": held.ReceiptHandle, "VisibilityTimeout": 1})
		})
		if m := b.one(fields{"WaitTimeSeconds": 20}); m.Body != "first" || time.Since(start) != 3*time.Second {
			t.Errorf("received %q after %v", m.Body, time.Since(start))
		}
		if m := b.one(fields{"WaitTimeSeconds": 20}); m.Body != "second" || time.Since(start) != 6*time.Second {
			t.Errorf("received %q after %v", m.Body, time.Since(start))
		}
	})
}

func TestReceive_LongPollOfAGoneClientTakesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, queue.Options{}, nil)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan reply)
		go func() {
			done <- post(ctx, b.Server, "ReceiveMessage", fields{"QueueUrl": b.URL("orders"), "WaitTimeSeconds": 20})
		}()
		synctest.Wait()
		cancel()
		if r := <-done; len(r.Messages) != 0 {
			t.Error("a gone client received messages")
		}
		b.send("x")
		b.counts(1, 0, 0)
	})
}

func TestReceive_LongPollOfADeletedQueueEndsAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, queue.Options{}, nil)
		start := time.Now()
		time.AfterFunc(time.Second, func() { b.ok("DeleteQueue", fields{}) })
		b.refused(b.post("ReceiveMessage", fields{"WaitTimeSeconds": 20}), http.StatusBadRequest, "QueueDoesNotExist",
			"AWS.SimpleQueueService.NonExistentQueue;Sender")
		if time.Since(start) != time.Second {
			t.Errorf("ended after %v", time.Since(start))
		}
	})
}

func TestReceive_TooManyInFlightIsOverLimit(t *testing.T) {
	t.Parallel()
	b := setup(t, queue.Options{MaxInFlight: 3}, nil)
	b.send(numbered(5)...)
	if got := b.receive(nil); len(got) != 3 {
		t.Fatalf("received %d messages, want the 3 that may be in flight", len(got))
	}
	b.refused(b.post("ReceiveMessage", fields{}), http.StatusForbidden, "OverLimit", "OverLimit;Sender")
}

func TestReceive_MessagesPastTheirRetentionAreDropped(t *testing.T) {
	t.Parallel()
	c := newClock()
	b := setup(t, queue.Options{Now: c.read}, map[string]string{"MessageRetentionPeriod": "60"})
	b.send("old")
	c.pass(time.Minute)
	b.send("new")
	c.pass(time.Second)
	if m := b.one(nil); m.Body != "new" {
		t.Errorf("received %q", m.Body)
	}
	b.counts(0, 1, 0)
}

func TestReceive_TooOftenReceivedMovesToTheDeadLetterQueue(t *testing.T) {
	t.Parallel()
	c := newClock()
	b := setup(t, queue.Options{Now: c.read}, nil)
	if err := b.CreateQueue("dead", nil); err != nil {
		t.Fatal(err)
	}
	policy := `{"deadLetterTargetArn":"` + b.ARN("dead") + `","maxReceiveCount":"2"}`
	b.ok("SetQueueAttributes", fields{"Attributes": fields{"RedrivePolicy": policy}})
	id := b.send("x")[0]
	sent := c.now
	for range 2 {
		b.one(fields{"VisibilityTimeout": 0})
		c.pass(time.Second)
	}
	if got := b.receive(nil); len(got) != 0 {
		t.Fatalf("received %d messages a third time", len(got))
	}
	b.counts(0, 0, 0)
	dead := b.Messages("dead")
	if len(dead) != 1 || dead[0].ID != id || dead[0].Body != "x" || !dead[0].Sent.Equal(sent) {
		t.Fatalf("the dead-letter queue holds %d messages, or not the one", len(dead))
	}
	m := b.one(fields{"QueueUrl": b.URL("dead")})
	if m.Attributes["DeadLetterQueueSourceArn"] != b.ARN("orders") || m.Attributes["ApproximateReceiveCount"] != "1" {
		t.Errorf("received %v", m.Attributes)
	}
}

func TestReceive_WithoutItsDeadLetterQueueItGoesOn(t *testing.T) {
	t.Parallel()
	b := setup(t, queue.Options{}, nil)
	if err := b.CreateQueue("dead", nil); err != nil {
		t.Fatal(err)
	}
	policy := `{"deadLetterTargetArn":"` + b.ARN("dead") + `","maxReceiveCount":1}`
	b.ok("SetQueueAttributes", fields{"Attributes": fields{"RedrivePolicy": policy}})
	b.ok("DeleteQueue", fields{"QueueUrl": b.URL("dead")})
	b.send("x")
	for range 3 {
		b.one(fields{"VisibilityTimeout": 0})
	}
}
