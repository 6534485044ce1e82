package fetcher

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
)

// The system attributes are asked for by name: what is not needed costs bytes in every receive.
var systemAttributes = []types.MessageSystemAttributeName{
	types.MessageSystemAttributeNameSentTimestamp,
	types.MessageSystemAttributeNameApproximateReceiveCount,
	types.MessageSystemAttributeNameMessageGroupId,
	types.MessageSystemAttributeNameAWSTraceHeader,
}

// Receive implements Queue. The call outlives neither ctx nor the wait by more than callTimeout.
func (q *SQS) Receive(ctx context.Context, limit int, wait, visibility time.Duration) ([]Message, error) {
	ctx, cancel := context.WithTimeout(ctx, wait+callTimeout)
	defer cancel()
	q.counter("ReceiveMessage")
	out, err := q.receive.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl:                    &q.url,
		MaxNumberOfMessages:         int32(limit),
		WaitTimeSeconds:             int32(wait / time.Second),
		VisibilityTimeout:           int32(visibility / time.Second),
		MessageAttributeNames:       []string{"All"},
		MessageSystemAttributeNames: systemAttributes,
		AttributeNames:              olderNames(), //nolint:staticcheck // servers that do not know the newer name answer without SentTimestamp
	})
	if err != nil {
		return nil, fmt.Errorf("queue %s: receive: %w", q.queue, explain(err))
	}
	messages := make([]Message, 0, len(out.Messages))
	for _, m := range out.Messages {
		message := messageOf(m)
		if message.SentMS == 0 { // identity and dates are made of it: never of a guess
			return nil, fmt.Errorf("queue %s: receive: the server gives no SentTimestamp", q.queue)
		}
		messages = append(messages, message)
	}
	return messages, nil
}

// olderNames are the system attributes as the parameter's older form takes them.
func olderNames() []types.QueueAttributeName {
	names := make([]types.QueueAttributeName, len(systemAttributes))
	for i, n := range systemAttributes {
		names[i] = types.QueueAttributeName(n)
	}
	return names
}

func messageOf(m types.Message) Message {
	message := Message{
		ID:           aws.ToString(m.MessageId),
		Receipt:      aws.ToString(m.ReceiptHandle),
		Body:         []byte(aws.ToString(m.Body)),
		SentMS:       number(m.Attributes[string(types.MessageSystemAttributeNameSentTimestamp)], 0),
		ReceiveCount: int(number(m.Attributes[string(types.MessageSystemAttributeNameApproximateReceiveCount)], 1)),
		GroupID:      m.Attributes[string(types.MessageSystemAttributeNameMessageGroupId)],
		TraceHeader:  m.Attributes[string(types.MessageSystemAttributeNameAWSTraceHeader)],
	}
	for name, a := range m.MessageAttributes {
		message.Attributes = append(message.Attributes, Attribute{
			Name: name, Type: aws.ToString(a.DataType), String: aws.ToString(a.StringValue), Binary: a.BinaryValue,
		})
	}
	return message
}

// Delete implements Queue.
func (q *SQS) Delete(ctx context.Context, receipts []Receipt) ([]Failure, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	entries := make([]types.DeleteMessageBatchRequestEntry, len(receipts))
	for i := range receipts {
		entries[i] = types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: &receipts[i].Handle}
	}
	q.counter("DeleteMessageBatch")
	out, err := q.remove.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: &q.url, Entries: entries})
	if err != nil {
		return nil, fmt.Errorf("queue %s: delete: %w", q.queue, explain(err))
	}
	return failures(out.Failed), nil
}

// Extend implements Queue.
func (q *SQS) Extend(ctx context.Context, receipts []Receipt, visibility time.Duration) ([]Failure, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	entries := make([]types.ChangeMessageVisibilityBatchRequestEntry, len(receipts))
	for i := range receipts {
		entries[i] = types.ChangeMessageVisibilityBatchRequestEntry{
			Id: aws.String(strconv.Itoa(i)), ReceiptHandle: &receipts[i].Handle, VisibilityTimeout: int32(visibility / time.Second),
		}
	}
	q.counter("ChangeMessageVisibilityBatch")
	out, err := q.extend.ChangeMessageVisibilityBatch(ctx, &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &q.url, Entries: entries})
	if err != nil {
		return nil, fmt.Errorf("queue %s: extend visibility: %w", q.queue, explain(err))
	}
	return failures(out.Failed), nil
}

// DeadLetter implements Queue.
func (q *SQS) DeadLetter(ctx context.Context, url string, letters []Letter) ([]Failure, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	entries := make([]types.SendMessageBatchRequestEntry, len(letters))
	for i, l := range letters {
		entries[i] = types.SendMessageBatchRequestEntry{
			Id: aws.String(strconv.Itoa(i)), MessageBody: aws.String(string(l.Body)), MessageAttributes: attributesOf(l.Attributes),
		}
		if l.GroupID != "" {
			entries[i].MessageGroupId = aws.String(l.GroupID)
		}
	}
	q.counter("SendMessageBatch")
	out, err := q.remove.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &url, Entries: entries})
	if err != nil {
		return nil, fmt.Errorf("dead-letter queue: send: %w", explain(err))
	}
	return failures(out.Failed), nil
}

func attributesOf(attributes []Attribute) map[string]types.MessageAttributeValue {
	values := make(map[string]types.MessageAttributeValue, len(attributes))
	for _, a := range attributes {
		v := types.MessageAttributeValue{DataType: aws.String(a.Type)}
		if strings.HasPrefix(a.Type, "Binary") {
			v.BinaryValue = a.Binary
		} else {
			v.StringValue = aws.String(a.String)
		}
		values[a.Name] = v
	}
	return values
}

func failures(failed []types.BatchResultErrorEntry) []Failure {
	var all []Failure
	for _, f := range failed {
		index, err := strconv.Atoi(aws.ToString(f.Id))
		if err != nil {
			continue
		}
		code := aws.ToString(f.Code)
		all = append(all, Failure{Index: index, Code: code[strings.LastIndexByte(code, '.')+1:]})
	}
	return all
}

// explain shortens the SDK's chains to what an operator can act on. The cause is kept for denied.
func explain(err error) error {
	var missing *types.QueueDoesNotExist
	var api smithy.APIError
	var network *net.OpError
	switch {
	case errors.As(err, &missing):
		return &queueError{"does not exist, or AWS_REGION or AWS_ENDPOINT_URL_SQS points elsewhere", err}
	case errors.As(err, &api):
		return &queueError{api.ErrorCode() + ": " + api.ErrorMessage(), err}
	case errors.As(err, &network):
		return &queueError{network.Error(), err}
	case errors.Is(err, context.DeadlineExceeded):
		return &queueError{"no answer in time", err}
	}
	return err
}

type queueError struct {
	text  string
	cause error
}

func (e *queueError) Error() string { return e.text }
func (e *queueError) Unwrap() error { return e.cause }

// denied says that the call was refused for good, not merely failed: asking again changes nothing.
func denied(err error) bool {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return false
	}
	code := api.ErrorCode()
	return strings.Contains(code, "AccessDenied") || strings.Contains(code, "UnsupportedOperation") ||
		strings.Contains(code, "InvalidMessageContents") || strings.Contains(code, "BatchRequestTooLong")
}
