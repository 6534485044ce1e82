package fetcher

import (
	"context"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/maskline/maskline/pkg/telemetry"
)

// timed measures the calls that carry messages. The others are few.
type timed struct {
	Queue

	name string
	took metric.Float64Histogram
}

// Receive implements Queue.
func (q timed) Receive(ctx context.Context, limit int, wait, visibility time.Duration) ([]Message, error) {
	began := time.Now()
	messages, err := q.Queue.Receive(ctx, limit, wait, visibility)
	q.record(ctx, began, "ReceiveMessage", "receive", nil, err)
	return messages, err
}

// Delete implements Queue.
func (q timed) Delete(ctx context.Context, receipts []Receipt) ([]Failure, error) {
	began := time.Now()
	failed, err := q.Queue.Delete(ctx, receipts)
	q.record(ctx, began, "DeleteMessageBatch", "settle", failed, err)
	return failed, err
}

// Extend implements Queue.
func (q timed) Extend(ctx context.Context, receipts []Receipt, visibility time.Duration) ([]Failure, error) {
	began := time.Now()
	failed, err := q.Queue.Extend(ctx, receipts, visibility)
	q.record(ctx, began, "ChangeMessageVisibilityBatch", "", failed, err)
	return failed, err
}

// DeadLetter implements Queue.
func (q timed) DeadLetter(ctx context.Context, url string, letters []Letter) ([]Failure, error) {
	began := time.Now()
	failed, err := q.Queue.DeadLetter(ctx, url, letters)
	q.name = url[strings.LastIndexByte(url, '/')+1:]
	q.record(ctx, began, "SendMessageBatch", "send", failed, err)
	return failed, err
}

func (q timed) record(ctx context.Context, began time.Time, operation, kind string, failed []Failure, err error) {
	attributes := append(callAttributes(q.name, operation, kind), errorAttributes(failed, err)...)
	q.took.Record(ctx, time.Since(began).Seconds(), metric.WithAttributes(attributes...))
}

// callAttributes name a call as the semantic conventions do. An extension is of none of their types.
func callAttributes(queue, operation, kind string) []attribute.KeyValue {
	attributes := []attribute.KeyValue{
		attribute.String(telemetry.AttrMessagingSystem, telemetry.SystemSQS),
		attribute.String(telemetry.AttrMessagingDestination, queue),
		attribute.String(telemetry.AttrMessagingOperationName, operation),
	}
	if kind != "" {
		attributes = append(attributes, attribute.String(telemetry.AttrMessagingOperationType, kind))
	}
	return attributes
}

// errorAttributes say what went wrong in a word of a closed list; nothing if nothing did.
func errorAttributes(failed []Failure, err error) []attribute.KeyValue {
	var missing *types.QueueDoesNotExist
	var api smithy.APIError
	var network *net.OpError
	word := "other"
	switch {
	case err == nil && len(failed) == 0:
		return nil
	case err == nil:
		word = "partial"
	case denied(err):
		word = "denied"
	case errors.As(err, &missing):
		word = "missing"
	case errors.As(err, &api):
		word = "refused"
	case errors.Is(err, context.DeadlineExceeded):
		word = "timeout"
	case errors.As(err, &network):
		word = "network"
	}
	return []attribute.KeyValue{attribute.String(telemetry.AttrErrorType, word)}
}
