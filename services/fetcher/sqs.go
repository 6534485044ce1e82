package fetcher

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// callTimeout bounds every call but the long poll, which has its wait on top.
const callTimeout = 10 * time.Second

// SQS is the Queue over the AWS SDK. Receives, deletes and extensions have a client each: the SDK's retry quota is per
// client, so a throttled receive cannot spend what a delete needs.
type SQS struct {
	receive, remove, extend *sqs.Client
	queue, deadLetter       string // as configured: name or URL

	url     string // resolved by Describe
	counter func(action string)
}

// NewSQS makes the clients. queue and deadLetter are names or URLs; an empty deadLetter is found from the queue's redrive
// policy. counted is called once per request sent.
func NewSQS(ctx context.Context, queue, deadLetter string, pollers int, counted func(action string)) (*SQS, error) {
	client, err := Clients(ctx, queue, 2*pollers+2*deleters(pollers))
	if err != nil {
		return nil, err
	}
	if counted == nil {
		counted = func(string) {}
	}
	return &SQS{receive: client(), remove: client(), extend: client(), queue: queue, deadLetter: deadLetter, counter: counted}, nil
}

// Describe implements Queue. It must have succeeded once before any other call.
func (q *SQS) Describe(ctx context.Context) (Description, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	queueURL, err := q.resolve(ctx, q.queue)
	if err != nil {
		return Description{}, fmt.Errorf("queue %s: %w", q.queue, explain(err))
	}
	attributes, err := q.attributes(ctx, queueURL, types.QueueAttributeNameAll)
	if err != nil {
		return Description{}, fmt.Errorf("queue %s: %w", q.queue, explain(err))
	}
	q.url = queueURL
	d := Description{
		Name:            queueURL[strings.LastIndexByte(queueURL, '/')+1:],
		FIFO:            attributes["FifoQueue"] == "true",
		Visibility:      time.Duration(number(attributes["VisibilityTimeout"], 30)) * time.Second,
		MaxMessageBytes: number(attributes["MaximumMessageSize"], 1<<20),
	}
	var redrive struct {
		Target string      `json:"deadLetterTargetArn"`
		Max    json.Number `json:"maxReceiveCount"`
	}
	if policy := attributes["RedrivePolicy"]; policy != "" {
		decoder := json.NewDecoder(strings.NewReader(policy))
		decoder.UseNumber()
		if err := decoder.Decode(&redrive); err == nil {
			d.MaxReceiveCount = int(number(strings.Trim(redrive.Max.String(), `"`), 0))
		}
	}
	dead := q.deadLetter
	if dead == "" && redrive.Target != "" {
		dead = redrive.Target[strings.LastIndexByte(redrive.Target, ':')+1:]
	}
	if dead == "" {
		return d, nil
	}
	if d.DeadLetterURL, err = q.resolve(ctx, dead); err != nil {
		return d, fmt.Errorf("dead-letter queue %s: %w", dead, explain(err))
	}
	d.DeadLetterMaxSize = d.MaxMessageBytes
	// Reading its attributes may be forbidden where sending is not; then the source queue's limit serves.
	a, err := q.attributes(ctx, d.DeadLetterURL, types.QueueAttributeNameMaximumMessageSize)
	if err != nil && !denied(err) {
		return d, fmt.Errorf("dead-letter queue %s: %w", dead, explain(err))
	}
	d.DeadLetterMaxSize = number(a["MaximumMessageSize"], d.MaxMessageBytes)
	d.SelfDeadLetter = d.DeadLetterURL == queueURL
	return d, nil
}

// Counts implements Queue.
func (q *SQS) Counts(ctx context.Context) (Counts, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	a, err := q.attributes(ctx, q.url, types.QueueAttributeNameApproximateNumberOfMessages,
		types.QueueAttributeNameApproximateNumberOfMessagesNotVisible, types.QueueAttributeNameApproximateNumberOfMessagesDelayed)
	if err != nil {
		return Counts{}, fmt.Errorf("queue %s: %w", q.queue, explain(err))
	}
	return Counts{
		Visible:    number(a["ApproximateNumberOfMessages"], 0),
		NotVisible: number(a["ApproximateNumberOfMessagesNotVisible"], 0),
		Delayed:    number(a["ApproximateNumberOfMessagesDelayed"], 0),
	}, nil
}

func (q *SQS) attributes(ctx context.Context, queueURL string, names ...types.QueueAttributeName) (map[string]string, error) {
	q.counter("GetQueueAttributes")
	out, err := q.extend.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &queueURL, AttributeNames: names})
	if err != nil {
		return nil, err
	}
	return out.Attributes, nil
}

// resolve turns a name into a URL.
func (q *SQS) resolve(ctx context.Context, nameOrURL string) (string, error) {
	if strings.Contains(nameOrURL, "://") {
		return nameOrURL, nil
	}
	q.counter("GetQueueUrl")
	out, err := q.extend.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &nameOrURL})
	if err != nil {
		return "", err
	}
	return aws.ToString(out.QueueUrl), nil
}

func number(text string, otherwise int64) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return otherwise
	}
	return n
}
