package fetcher_test

import (
	"context"
	"crypto/md5"
	"crypto/rand"
	"encoding/hex"
	"flag"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/maskline/maskline/pkg/local/queue"
)

//nolint:gochecknoglobals // a test flag has nowhere else to live
var sqsEndpoint = flag.String("sqs.endpoint", "", "SQS endpoint to prove instead of the embedded queue's; "+
	"credentials and region come from AWS_* unless it is on loopback")

// patience is how long something may take that AWS does not time; approximate counts are the slowest.
const patience = 90 * time.Second

// askedFor is the system attributes that every receive of the suite asks for.
var askedFor = []types.MessageSystemAttributeName{ //nolint:gochecknoglobals // a constant, had Go constant slices
	types.MessageSystemAttributeNameSentTimestamp,
	types.MessageSystemAttributeNameApproximateReceiveCount,
	types.MessageSystemAttributeNameMessageGroupId,
	types.MessageSystemAttributeNameAWSTraceHeader,
}

// testQueue is a queue of one test's own.
type testQueue struct {
	t         *testing.T
	client    *sqs.Client
	name, url string
}

func newQueue(t *testing.T, attributes map[string]string) testQueue {
	t.Helper()
	return testQueue{t: t, client: newClient(t)}.sibling(attributes)
}

// sibling is another queue at the same endpoint.
func (q testQueue) sibling(attributes map[string]string) testQueue {
	q.t.Helper()
	q.name = "maskline-conformance-" + rand.Text()
	if attributes["FifoQueue"] == "true" {
		q.name += ".fifo"
	}
	out, err := q.client.CreateQueue(q.t.Context(), &sqs.CreateQueueInput{QueueName: &q.name, Attributes: attributes})
	if err != nil {
		q.t.Fatal(err)
	}
	q.url = aws.ToString(out.QueueUrl)
	ctx := context.WithoutCancel(q.t.Context()) // the test's own is over when it cleans up
	q.t.Cleanup(func() {
		if _, err := q.client.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: &q.url}); err != nil {
			q.t.Errorf("queue %s is left behind: %v", q.name, err)
		}
	})
	return q
}

// newClient is a client of the endpoint under proof.
func newClient(t *testing.T) *sqs.Client {
	t.Helper()
	endpoint := *sqsEndpoint
	if endpoint == "" {
		server := queue.New(queue.Options{})
		var err error
		if endpoint, err = server.Listen(""); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := server.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	client := awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.DisableKeepAlives = true // nothing idle is left for goleak to find
	})
	options := []func(*config.LoadOptions) error{config.WithHTTPClient(client)}
	if strings.Contains(endpoint, "//127.0.0.1") || strings.Contains(endpoint, "//localhost") {
		options = append(options, config.WithRegion("us-east-1"),
			config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider("local", "local", "")))
	}
	cfg, err := config.LoadDefaultConfig(t.Context(), options...)
	if err != nil {
		t.Fatal(err)
	}
	return sqs.NewFromConfig(cfg, func(o *sqs.Options) { o.BaseEndpoint = &endpoint })
}

// send sends up to ten messages and returns their ids in order.
func (q testQueue) send(bodies ...string) []string {
	q.t.Helper()
	entries := make([]types.SendMessageBatchRequestEntry, len(bodies))
	for i := range bodies {
		entries[i] = types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: &bodies[i]}
	}
	out, err := q.client.SendMessageBatch(q.t.Context(), &sqs.SendMessageBatchInput{QueueUrl: &q.url, Entries: entries})
	if err != nil || len(out.Failed) > 0 {
		q.t.Errorf("send: %v", err)
		return nil
	}
	ids := make([]string, len(bodies))
	for _, e := range out.Successful {
		i, _ := strconv.Atoi(*e.Id)
		ids[i] = *e.MessageId
	}
	return ids
}

// poll is one receive.
func (q testQueue) poll(wait, visibility int32) []types.Message {
	q.t.Helper()
	out, err := q.client.ReceiveMessage(q.t.Context(), &sqs.ReceiveMessageInput{
		QueueUrl: &q.url, MaxNumberOfMessages: 10, WaitTimeSeconds: wait, VisibilityTimeout: visibility,
		MessageAttributeNames: []string{"All"}, MessageSystemAttributeNames: askedFor,
	})
	if err != nil {
		q.t.Fatal(err)
	}
	return out.Messages
}

// one receives until a message comes and returns the first.
func (q testQueue) one(visibility int32) types.Message {
	q.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if got := q.poll(5, visibility); len(got) > 0 {
			return got[0]
		}
	}
	q.t.Fatal("no message came")
	return types.Message{}
}

// extend and remove return the entries that failed.
func (q testQueue) extend(visibility int32, handles ...string) []types.BatchResultErrorEntry {
	q.t.Helper()
	entries := make([]types.ChangeMessageVisibilityBatchRequestEntry, len(handles))
	for i := range handles {
		entries[i] = types.ChangeMessageVisibilityBatchRequestEntry{
			Id: aws.String(strconv.Itoa(i)), ReceiptHandle: &handles[i], VisibilityTimeout: visibility,
		}
	}
	out, err := q.client.ChangeMessageVisibilityBatch(q.t.Context(), &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &q.url, Entries: entries})
	if err != nil {
		q.t.Fatal(err)
	}
	return out.Failed
}

func (q testQueue) remove(handles ...string) []types.BatchResultErrorEntry {
	q.t.Helper()
	entries := make([]types.DeleteMessageBatchRequestEntry, len(handles))
	for i := range handles {
		entries[i] = types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: &handles[i]}
	}
	out, err := q.client.DeleteMessageBatch(q.t.Context(), &sqs.DeleteMessageBatchInput{QueueUrl: &q.url, Entries: entries})
	if err != nil {
		q.t.Fatal(err)
	}
	return out.Failed
}

func (q testQueue) attributes() map[string]string {
	q.t.Helper()
	out, err := q.client.GetQueueAttributes(q.t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: &q.url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll},
	})
	if err != nil {
		q.t.Fatal(err)
	}
	return out.Attributes
}

// eventuallyCounts waits for the approximate counts to settle. Asking again every second is what AWS allows.
func (q testQueue) eventuallyCounts(visible, hidden int) {
	q.t.Helper()
	var got map[string]string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(time.Second) {
		got = q.attributes()
		if got["ApproximateNumberOfMessages"] == strconv.Itoa(visible) && got["ApproximateNumberOfMessagesNotVisible"] == strconv.Itoa(hidden) {
			return
		}
	}
	q.t.Errorf("counts %s and %s, want %d and %d", got["ApproximateNumberOfMessages"], got["ApproximateNumberOfMessagesNotVisible"], visible, hidden)
}

// md5OfAttributes is written from the developer guide, apart from the embedded queue's own.
func md5OfAttributes(attributes map[string]types.MessageAttributeValue) string {
	var all []byte
	put := func(text []byte) {
		n := len(text)
		all = append(append(all, byte(n>>24), byte(n>>16), byte(n>>8), byte(n)), text...)
	}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		a := attributes[name]
		put([]byte(name))
		put([]byte(aws.ToString(a.DataType)))
		if a.BinaryValue != nil {
			all = append(all, 2)
			put(a.BinaryValue)
			continue
		}
		all = append(all, 1)
		put([]byte(aws.ToString(a.StringValue)))
	}
	return md5Hex(all)
}

func md5Hex(text []byte) string {
	sum := md5.Sum(text)
	return hex.EncodeToString(sum[:])
}
