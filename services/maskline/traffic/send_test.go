package traffic_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"go.uber.org/goleak"

	"github.com/maskline/maskline/pkg/local/queue"
	"github.com/maskline/maskline/services/fetcher"
	"github.com/maskline/maskline/services/maskline/traffic"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newQueue serves an embedded queue for a test.
func newQueue(t *testing.T) (*queue.Server, *traffic.Queue) {
	t.Helper()
	server := queue.New(queue.Options{})
	if _, err := server.Listen(""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	q, err := traffic.Open(t.Context(), server.URL("events"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.Client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("events")}); err != nil {
		t.Fatal(err)
	}
	return server, q
}

func TestSend_EveryMessageArrivesOnceUnderItsID(t *testing.T) {
	t.Parallel()
	_, q := newQueue(t)
	var messages []traffic.Message
	for i := range 95 {
		// Some batches end at ten messages, some at their bytes.
		messages = append(messages, traffic.Message{Body: fmt.Sprintf("%d %s", i, strings.Repeat("x", i*1000))})
	}
	messages = append(messages, traffic.Message{Body: strings.Repeat("y", 900_000)})
	ids, err := traffic.Send(t.Context(), q.Client, q.URL, messages)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for i, id := range ids {
		want[id] = messages[i].Body
	}
	if len(want) != len(messages) {
		t.Fatalf("%d distinct ids for %d messages", len(want), len(messages))
	}
	for len(want) > 0 {
		out, err := q.Client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &q.URL, MaxNumberOfMessages: 10})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Messages) == 0 {
			t.Fatalf("%d messages did not arrive", len(want))
		}
		for _, m := range out.Messages {
			if body, ok := want[aws.ToString(m.MessageId)]; !ok || body != aws.ToString(m.Body) {
				t.Fatalf("message %s: unknown, repeated, or changed", aws.ToString(m.MessageId))
			}
			delete(want, aws.ToString(m.MessageId))
		}
	}
}

// The pace is a promise of the earliest, so a machine cannot be too slow for this.
func TestSendEach_SendsNoFasterThanTheRateAndTheOriginWithIt(t *testing.T) {
	t.Parallel()
	_, q := newQueue(t)
	messages := make([]traffic.Message, 30)
	for i := range messages {
		messages[i] = traffic.Message{Body: "x", Origin: fmt.Sprintf("origin %d", i)}
	}
	began := time.Now()
	sent := map[int]time.Duration{}
	err := traffic.SendEach(t.Context(), q.Client, q.URL, messages, 100, func(i int, _ string) error {
		sent[i] = time.Since(began)
		return nil
	})
	if err != nil || len(sent) != len(messages) {
		t.Fatalf("%d sent: %v", len(sent), err)
	}
	if sent[29] < 200*time.Millisecond || sent[19] < 100*time.Millisecond {
		t.Errorf("twenty messages at 100 a second were sent within %s, thirty within %s", sent[19], sent[29])
	}
	origins := map[string]bool{}
	for len(origins) < len(messages) {
		out, err := q.Client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
			QueueUrl: &q.URL, MaxNumberOfMessages: 10, MessageAttributeNames: []string{fetcher.OriginAttribute},
		})
		if err != nil || len(out.Messages) == 0 {
			t.Fatalf("%d of %d origins arrived: %v", len(origins), len(messages), err)
		}
		for _, m := range out.Messages {
			origins[aws.ToString(m.MessageAttributes[fetcher.OriginAttribute].StringValue)] = true
		}
	}
	if !origins[messages[7].Origin] {
		t.Errorf("origins: %v", origins)
	}
}

func TestSend_NamesTheMessageThatTheQueueRefuses(t *testing.T) {
	t.Parallel()
	_, q := newQueue(t)
	ids, err := traffic.Send(t.Context(), q.Client, q.URL, []traffic.Message{
		{Body: "a", Place: "line 1"}, {Body: "b\x00", Place: "line 2"}, {Body: "c", Place: "line 3"},
	})
	if err == nil || !strings.Contains(err.Error(), "line ") {
		t.Fatalf("got %v, want the place", err)
	}
	if ids[1] != "" {
		t.Error("a refused message has an id")
	}
}

func TestEndpoint_OnlyThisMachineIsLocal(t *testing.T) {
	t.Parallel()
	for queue, want := range map[string]bool{
		"http://127.0.0.1:9324/0/x": true, "http://localhost:9324/0/x": true, "http://[::1]:9324/0/x": true,
		"http://10.0.0.1:9324/0/x": false, "https://sqs.eu-west-1.amazonaws.com/1/x": false, "x": false,
		"http://localhost.example.com/0/x": false,
	} {
		if local, where := fetcher.Endpoint(queue); local != want || where == "" {
			t.Errorf("%s: local %v at %q, want %v", queue, local, where, want)
		}
	}
}
