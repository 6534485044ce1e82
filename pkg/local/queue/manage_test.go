package queue_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/maskline/maskline/pkg/local/queue"
)

func TestCreateQueue_IsIdempotentUnlessAttributesDiffer(t *testing.T) {
	t.Parallel()
	b := setup(t, queue.Options{}, map[string]string{"VisibilityTimeout": "60"})
	for _, same := range []fields{{}, {"VisibilityTimeout": "60"}, {"DelaySeconds": "0"}} {
		b.ok("CreateQueue", fields{"QueueName": "orders", "Attributes": same})
	}
	b.refused(b.post("CreateQueue", fields{"QueueName": "orders", "Attributes": fields{"VisibilityTimeout": "61"}}),
		http.StatusBadRequest, "QueueNameExists", "QueueAlreadyExists;Sender")
}

func TestCreateQueue_ChecksNamesAndAttributes(t *testing.T) {
	t.Parallel()
	b := setup(t, queue.Options{}, nil)
	for name, c := range map[string]struct {
		queue      string
		attributes fields
		code       string
	}{
		"no name":           {"", nil, "MissingParameter"},
		"name":              {"a/b", nil, "InvalidParameterValue"},
		"long name":         {strings.Repeat("x", 81), nil, "InvalidParameterValue"},
		"FIFO by name only": {"a.fifo", nil, "InvalidParameterValue"},
		"FIFO by attribute": {"a", fields{"FifoQueue": "true"}, "InvalidParameterValue"},
		"attribute name":    {"a", fields{"Visibility": "1"}, "InvalidAttributeName"},
		"read-only":         {"a", fields{"QueueArn": "x"}, "InvalidAttributeName"},
		"attribute value":   {"a", fields{"MaximumMessageSize": "1048577"}, "InvalidAttributeValue"},
		"no number":         {"a", fields{"DelaySeconds": "soon"}, "InvalidAttributeValue"},
		"redrive to nobody": {"a", fields{"RedrivePolicy": `{"deadLetterTargetArn":"` + b.ARN("none") + `","maxReceiveCount":3}`}, "InvalidParameterValue"},
		"redrive count":     {"a", fields{"RedrivePolicy": `{"deadLetterTargetArn":"` + b.ARN("orders") + `","maxReceiveCount":0}`}, "InvalidParameterValue"},
		"redrive nonsense":  {"a", fields{"RedrivePolicy": `nonsense`}, "InvalidParameterValue"},
	} {
		t.Log(name)
		b.refused(b.post("CreateQueue", fields{"QueueName": c.queue, "Attributes": c.attributes}), http.StatusBadRequest, c.code, c.code+";Sender")
	}
}

func TestFIFOQueue_ShowsItselfAndRefusesMessages(t *testing.T) {
	t.Parallel()
	b := setup(t, queue.Options{}, nil)
	b.ok("CreateQueue", fields{"QueueName": "orders.fifo", "Attributes": fields{"FifoQueue": "true"}})
	r := b.ok("GetQueueAttributes", fields{"QueueUrl": b.URL("orders.fifo"), "AttributeNames": []string{"FifoQueue"}})
	if r.Attributes["FifoQueue"] != "true" {
		t.Error("the queue does not say that it is FIFO")
	}
	b.refused(b.post("SendMessage", fields{"QueueUrl": b.URL("orders.fifo"), "MessageBody": "x", "MessageGroupId": "g"}),
		http.StatusBadRequest, "UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation;Sender")
}

func TestAttributes_AllAndByName(t *testing.T) {
	t.Parallel()
	c := newClock()
	b := setup(t, queue.Options{Now: c.read, Region: "eu-west-1"}, nil)
	b.send("x", "y")
	b.receive(fields{"MaxNumberOfMessages": 1})
	c.pass(time.Second)
	b.ok("SetQueueAttributes", fields{"Attributes": fields{"VisibilityTimeout": "99"}})
	all := b.ok("GetQueueAttributes", fields{"AttributeNames": []string{"All"}}).Attributes
	for name, want := range map[string]string{
		"QueueArn": "arn:aws:sqs:eu-west-1:000000000000:orders", "ApproximateNumberOfMessages": "1",
		"ApproximateNumberOfMessagesNotVisible": "1", "ApproximateNumberOfMessagesDelayed": "0", "VisibilityTimeout": "99",
		"MaximumMessageSize": "1048576", "MessageRetentionPeriod": "345600", "DelaySeconds": "0",
		"ReceiveMessageWaitTimeSeconds": "0", "CreatedTimestamp": "1767323045", "LastModifiedTimestamp": "1767323046",
	} {
		if all[name] != want {
			t.Errorf("%s is %q, want %q", name, all[name], want)
		}
	}
	if some := b.ok("GetQueueAttributes", fields{"AttributeNames": []string{"QueueArn", "RedrivePolicy"}}).Attributes; len(some) != 1 {
		t.Errorf("asked for two, of which one is set, got %v", some)
	}
	b.refused(b.post("GetQueueAttributes", fields{"AttributeNames": []string{"Queue"}}), http.StatusBadRequest, "InvalidAttributeName",
		"InvalidAttributeName;Sender")
}

func TestQueues_AreFoundListedPurgedAndDeleted(t *testing.T) {
	t.Parallel()
	b := setup(t, queue.Options{}, nil)
	for _, name := range []string{"b-1", "b-2", "b-3"} {
		b.ok("CreateQueue", fields{"QueueName": name})
	}
	page := func(token string) (urls []string, next string) {
		var answer struct {
			QueueURLs []string `json:"QueueUrls"`
			NextToken string   `json:"NextToken"`
		}
		r := b.ok("ListQueues", fields{"QueueNamePrefix": "b-", "MaxResults": 2, "NextToken": token})
		if err := json.Unmarshal(r.body, &answer); err != nil {
			t.Fatal(err)
		}
		return answer.QueueURLs, answer.NextToken
	}
	first, next := page("")
	second, end := page(next)
	if len(first) != 2 || len(second) != 1 || end != "" || !strings.HasSuffix(second[0], "/000000000000/b-3") {
		t.Errorf("pages %v, %v, then %q", first, second, end)
	}
	b.send("x")
	b.receive(nil)
	b.send("y")
	b.ok("PurgeQueue", fields{})
	b.counts(0, 0, 0)
	b.ok("DeleteQueue", fields{})
	b.refused(b.post("GetQueueUrl", fields{"QueueName": "orders"}), http.StatusBadRequest, "QueueDoesNotExist",
		"AWS.SimpleQueueService.NonExistentQueue;Sender")
}

func TestProtocol_StrangeRequestsAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t, queue.Options{}, nil)
	b.refused(b.post("Nonsense", fields{}), http.StatusBadRequest, "UnknownOperationException", "InvalidAction;Sender")
	b.refused(b.post("StartMessageMoveTask", fields{}), http.StatusBadRequest, "UnsupportedOperation",
		"AWS.SimpleQueueService.UnsupportedOperation;Sender")
	r := post(t.Context(), b.Server, "SendMessage", `{"MessageBody":"secret`)
	b.refused(r, http.StatusBadRequest, "SerializationException", "MalformedInput;Sender")
	r = post(t.Context(), b.Server, "SendMessage", `{"MessageBody":"x","DelaySeconds":"secret"}`)
	b.refused(r, http.StatusBadRequest, "SerializationException", "MalformedInput;Sender")
	if strings.Contains(string(r.body), "secret") {
		t.Error("the answer quotes the request")
	}
	b.refused(b.post("SendMessage", fields{"QueueUrl": "orders"}), http.StatusNotFound, "InvalidAddress", "InvalidAddress;Sender")
	b.refused(post(t.Context(), b.Server, "SendMessage", `{}`), http.StatusBadRequest, "MissingParameter", "MissingParameter;Sender")
}

func TestListen_CloseEndsLongPolls(t *testing.T) {
	t.Parallel()
	s := queue.New(queue.Options{})
	endpoint, err := s.Listen("")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Listen(""); err == nil {
		t.Error("a second Listen succeeded")
	}
	if err := s.CreateQueue("orders", nil); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(s.URL("orders"), endpoint+"/") {
		t.Errorf("URL %s is not at %s", s.URL("orders"), endpoint)
	}
	polled := make(chan error)
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	go func() {
		body := strings.NewReader(`{"QueueUrl":"` + s.URL("orders") + `","WaitTimeSeconds":20}`)
		r, _ := http.NewRequestWithContext(context.Background(), http.MethodPost, endpoint, body)
		r.Header.Set("X-Amz-Target", "AmazonSQS.ReceiveMessage")
		answer, err := client.Do(r)
		if err == nil {
			err = answer.Body.Close()
		}
		polled <- err
	}()
	deadline := time.Now().Add(5 * time.Second)
	for s.Requests()["ReceiveMessage"] == 0 && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-polled; err != nil {
		t.Errorf("the long poll ended with %v", err)
	}
}
