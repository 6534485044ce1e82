package fetcher_test

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// What the fetcher relies on, stated against any endpoint: the embedded queue by default, AWS with
//
//	go test ./services/fetcher -run TestSQS_ -sqs.endpoint https://sqs.eu-west-1.amazonaws.com
//
// Each test makes queues of its own and deletes them. Deadlines are those that AWS keeps, not those of the embedded queue.

func TestSQS_ReceivesUpToTenAndEveryMessage(t *testing.T) {
	t.Parallel()
	q := newQueue(t, nil)
	want := map[string]bool{}
	for range 3 {
		for _, id := range q.send("a", "b", "c", "d", "e", "f", "g", "h", "i", "j") {
			want[id] = true
		}
	}
	got := map[string]bool{}
	for deadline := time.Now().Add(patience); len(got) < len(want) && time.Now().Before(deadline); {
		batch := q.poll(1, 60)
		if len(batch) > 10 {
			t.Fatalf("received %d messages at once", len(batch))
		}
		for _, m := range batch {
			got[aws.ToString(m.MessageId)] = true
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("received %d of %d messages", len(got), len(want))
	}
	_, err := q.client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &q.url, MaxNumberOfMessages: 11})
	refused(t, err, "InvalidParameterValue", "ReadCountOutOfRange")
}

func TestSQS_BatchesHaveOneToTenEntriesWithDistinctIDs(t *testing.T) {
	t.Parallel()
	q := newQueue(t, nil)
	remove := func(ids ...string) error {
		entries := []types.DeleteMessageBatchRequestEntry{}
		for _, id := range ids {
			entries = append(entries, types.DeleteMessageBatchRequestEntry{Id: &id, ReceiptHandle: aws.String("h")})
		}
		_, err := q.client.DeleteMessageBatch(t.Context(), &sqs.DeleteMessageBatchInput{QueueUrl: &q.url, Entries: entries})
		return err
	}
	is[*types.EmptyBatchRequest](t, remove())
	is[*types.TooManyEntriesInBatchRequest](t, remove("0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"))
	is[*types.BatchEntryIdsNotDistinct](t, remove("0", "0"))
	is[*types.InvalidBatchEntryId](t, remove("no spaces"))
	is[*types.InvalidBatchEntryId](t, remove(strings.Repeat("x", 81)))
}

func TestSQS_ChecksumsCoverBodyAndAttributes(t *testing.T) {
	t.Parallel()
	q := newQueue(t, nil)
	attributes := map[string]types.MessageAttributeValue{
		"text": {DataType: aws.String("String"), StringValue: aws.String("grün 🌱")},
		"n":    {DataType: aws.String("Number.int"), StringValue: aws.String("42")},
		"raw":  {DataType: aws.String("Binary"), BinaryValue: []byte{0, 1, 254, 255}},
	}
	body := "{\"a\":\"<&>\u2028\\\"\t 🌱\"}"
	sent, err := q.client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: &body, MessageAttributes: attributes})
	if err != nil {
		t.Fatal(err)
	}
	m := q.one(60)
	if aws.ToString(m.Body) != body {
		t.Errorf("received the body %q", aws.ToString(m.Body))
	}
	if want := md5Hex([]byte(body)); aws.ToString(sent.MD5OfMessageBody) != want || aws.ToString(m.MD5OfBody) != want {
		t.Errorf("checksums of the body %s and %s, want %s", *sent.MD5OfMessageBody, aws.ToString(m.MD5OfBody), want)
	}
	want := md5OfAttributes(attributes)
	if aws.ToString(sent.MD5OfMessageAttributes) != want || aws.ToString(m.MD5OfMessageAttributes) != want {
		t.Errorf("checksums of the attributes %s and %s, want %s", aws.ToString(sent.MD5OfMessageAttributes), aws.ToString(m.MD5OfMessageAttributes), want)
	}
	if len(m.MessageAttributes) != len(attributes) {
		t.Fatalf("received %d message attributes", len(m.MessageAttributes))
	}
	for name, a := range attributes {
		b := m.MessageAttributes[name]
		if aws.ToString(a.DataType) != aws.ToString(b.DataType) || aws.ToString(a.StringValue) != aws.ToString(b.StringValue) ||
			!bytes.Equal(a.BinaryValue, b.BinaryValue) {
			t.Errorf("attribute %s came back as another", name)
		}
	}
}

func TestSQS_SystemAttributesComeByName(t *testing.T) {
	t.Parallel()
	q := newQueue(t, nil)
	trace := "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
	_, err := q.client.SendMessage(t.Context(), &sqs.SendMessageInput{
		QueueUrl: &q.url, MessageBody: aws.String("x"), MessageGroupId: aws.String("tenant-7"),
		MessageSystemAttributes: map[string]types.MessageSystemAttributeValue{
			"AWSTraceHeader": {DataType: aws.String("String"), StringValue: &trace},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	m := q.one(60)
	if len(m.Attributes) != len(askedFor) {
		t.Errorf("asked for %d attributes, got %v", len(askedFor), m.Attributes)
	}
	if m.Attributes["ApproximateReceiveCount"] != "1" || m.Attributes["MessageGroupId"] != "tenant-7" || m.Attributes["AWSTraceHeader"] != trace {
		t.Errorf("received %v", m.Attributes)
	}
	sent, err := strconv.ParseInt(m.Attributes["SentTimestamp"], 10, 64)
	if age := time.Since(time.UnixMilli(sent)); err != nil || age > 5*time.Minute || age < -5*time.Minute {
		t.Errorf("sent %v ago", age)
	}
}

func TestSQS_EachReceiveHasItsOwnHandleAndCount(t *testing.T) {
	t.Parallel()
	q := newQueue(t, nil)
	q.send("x")
	first := q.one(1)
	second := q.one(60) // after the visibility timeout of one second
	if *first.MessageId != *second.MessageId || *first.ReceiptHandle == *second.ReceiptHandle {
		t.Errorf("messages %s and %s, the same handle: %t", *first.MessageId, *second.MessageId, *first.ReceiptHandle == *second.ReceiptHandle)
	}
	if second.Attributes["ApproximateReceiveCount"] != "2" {
		t.Errorf("received %s times", second.Attributes["ApproximateReceiveCount"])
	}
	if first.Attributes["SentTimestamp"] != second.Attributes["SentTimestamp"] {
		t.Error("the sent time changed")
	}
}

func TestSQS_ExtensionHoldsAMessageBack(t *testing.T) {
	t.Parallel()
	q := newQueue(t, nil)
	q.send("x")
	m := q.one(2)
	if failed := q.extend(8, *m.ReceiptHandle); len(failed) != 0 {
		t.Fatalf("failed with %s", aws.ToString(failed[0].Code))
	}
	if got := q.poll(4, 60); len(got) != 0 {
		t.Error("received although the visibility timeout was extended")
	}
	q.one(60)
}

func TestSQS_VisibilityZeroGivesAMessageBackAtOnce(t *testing.T) {
	t.Parallel()
	q := newQueue(t, nil)
	q.send("x")
	m := q.one(600)
	if failed := q.extend(0, *m.ReceiptHandle); len(failed) != 0 {
		t.Fatalf("failed with %s", aws.ToString(failed[0].Code))
	}
	q.one(60)
}

func TestSQS_DeleteWithTheNewestHandleIsForGood(t *testing.T) {
	t.Parallel()
	q := newQueue(t, nil)
	q.send("x")
	q.one(1)
	if failed := q.remove(*q.one(1).ReceiptHandle); len(failed) != 0 {
		t.Fatalf("failed with %s", aws.ToString(failed[0].Code))
	}
	if got := q.poll(4, 60); len(got) != 0 {
		t.Error("received although it was deleted")
	}
}

func TestSQS_BadEntriesFailWithinASuccessfulAnswer(t *testing.T) {
	t.Parallel()
	q := newQueue(t, nil)
	q.send("x")
	m := q.one(60)
	extended := q.extend(60, *m.ReceiptHandle, "bad")
	removed := q.remove(*m.ReceiptHandle, "bad")
	for name, failed := range map[string][]types.BatchResultErrorEntry{"extend": extended, "delete": removed} {
		if len(failed) != 1 || aws.ToString(failed[0].Id) != "1" || !failed[0].SenderFault ||
			!strings.HasSuffix(aws.ToString(failed[0].Code), "ReceiptHandleIsInvalid") {
			t.Errorf("%s: %d entries failed, or not the second as invalid", name, len(failed))
		}
	}
}

func TestSQS_LongPollWakesOnSend(t *testing.T) {
	t.Parallel()
	q := newQueue(t, nil)
	start := time.Now()
	sent := make(chan struct{})
	time.AfterFunc(time.Second, func() {
		defer close(sent)
		q.send("late")
	})
	defer func() { <-sent }()
	got := q.poll(20, 60)
	if took := time.Since(start); len(got) != 1 || took < time.Second || took > 10*time.Second {
		t.Errorf("received %d messages after %v", len(got), took)
	}
}

func TestSQS_DelayedMessagesArriveLater(t *testing.T) {
	t.Parallel()
	q := newQueue(t, nil)
	_, err := q.client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: aws.String("x"), DelaySeconds: 3})
	if err != nil {
		t.Fatal(err)
	}
	if got := q.poll(1, 60); len(got) != 0 {
		t.Error("received before its delay")
	}
	q.one(60)
}

func TestSQS_TooManyReceivesMoveAMessageToTheDeadLetterQueue(t *testing.T) {
	t.Parallel()
	dead := newQueue(t, nil)
	q := dead.sibling(map[string]string{"RedrivePolicy": `{"deadLetterTargetArn":"` + dead.attributes()["QueueArn"] + `","maxReceiveCount":"2"}`})
	if policy := q.attributes()["RedrivePolicy"]; !strings.Contains(policy, dead.attributes()["QueueArn"]) {
		t.Errorf("the redrive policy is %s", policy)
	}
	id := q.send("poison")[0]
	q.one(1)
	q.one(1)
	if got := q.poll(4, 1); len(got) != 0 {
		t.Error("received a third time")
	}
	m := dead.one(60)
	if aws.ToString(m.MessageId) != id || aws.ToString(m.Body) != "poison" {
		t.Error("the dead-letter queue has another message")
	}
}

func TestSQS_CountsTellVisibleAndHidden(t *testing.T) {
	t.Parallel()
	q := newQueue(t, nil)
	q.send("a", "b", "c")
	q.eventuallyCounts(3, 0)
	received := len(q.poll(5, 600)) // one to three, as SQS pleases
	q.eventuallyCounts(3-received, received)
}

func TestSQS_AttributesTellWhatTheFetcherMustKnow(t *testing.T) {
	t.Parallel()
	q := newQueue(t, map[string]string{"VisibilityTimeout": "77"})
	got := q.attributes()
	if got["VisibilityTimeout"] != "77" || got["MaximumMessageSize"] != "1048576" || !strings.HasSuffix(got["QueueArn"], ":"+q.name) ||
		got["FifoQueue"] == "true" {
		t.Errorf("attributes %v", got)
	}
	if fifo := q.sibling(map[string]string{"FifoQueue": "true"}); fifo.attributes()["FifoQueue"] != "true" {
		t.Error("a FIFO queue does not say so")
	}
}

func TestSQS_AMissingQueueIsATypedError(t *testing.T) {
	t.Parallel()
	q := newQueue(t, nil)
	missing := q.url + "-none"
	_, err := q.client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String(q.name + "-none")})
	is[*types.QueueDoesNotExist](t, err)
	_, err = q.client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &missing})
	is[*types.QueueDoesNotExist](t, err)
	_, err = q.client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &missing})
	is[*types.QueueDoesNotExist](t, err)
}

func TestSQS_TenMessageAttributesAndNoMore(t *testing.T) {
	t.Parallel()
	q := newQueue(t, nil)
	send := func(n int) error {
		attributes := map[string]types.MessageAttributeValue{}
		for i := range n {
			attributes["a"+strconv.Itoa(i)] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String("x")}
		}
		_, err := q.client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: aws.String("x"), MessageAttributes: attributes})
		return err
	}
	if err := send(10); err != nil {
		t.Errorf("ten attributes: %v", err)
	}
	refused(t, send(11), "InvalidParameterValue")
}

func TestSQS_SizesCountBodyAndAttributesOfTheWholeBatch(t *testing.T) {
	t.Parallel()
	q := newQueue(t, nil)
	attributes := map[string]types.MessageAttributeValue{"name": {DataType: aws.String("String"), StringValue: aws.String("value")}}
	send := func(bytes int) error {
		_, err := q.client.SendMessage(t.Context(), &sqs.SendMessageInput{
			QueueUrl: &q.url, MessageBody: aws.String(strings.Repeat("x", bytes)), MessageAttributes: attributes,
		})
		return err
	}
	room := 1<<20 - len("name"+"String"+"value")
	if err := send(room); err != nil {
		t.Errorf("a message as large as may be: %v", err)
	}
	refused(t, send(room+1), "InvalidParameterValue")
	half := aws.String(strings.Repeat("x", 1<<19+1))
	_, err := q.client.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{QueueUrl: &q.url, Entries: []types.SendMessageBatchRequestEntry{
		{Id: aws.String("0"), MessageBody: half}, {Id: aws.String("1"), MessageBody: half},
	}})
	is[*types.BatchRequestTooLong](t, err)
}

func TestSQS_CharactersOutsideXMLAreRefused(t *testing.T) {
	t.Parallel()
	q := newQueue(t, nil)
	for _, body := range []string{"a\x00b", "a\x1fb", "a\ufffeb"} {
		_, err := q.client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: &body})
		is[*types.InvalidMessageContents](t, err)
	}
}

// is insists on an error of the SDK's type E.
func is[E error](t *testing.T, err error) {
	t.Helper()
	if _, ok := errors.AsType[E](err); !ok {
		t.Errorf("error is %v, want a %T", err, *new(E))
	}
}

// refused insists on an API error with one of the codes.
func refused(t *testing.T, err error, codes ...string) {
	t.Helper()
	api, ok := errors.AsType[interface {
		error
		ErrorCode() string
	}](err)
	if !ok || !slices.Contains(codes, api.ErrorCode()) {
		t.Errorf("error is %v, want the code %s", err, strings.Join(codes, " or "))
	}
}
