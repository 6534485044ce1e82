package redrive

import (
	"context"
	"maps"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/maskline/maskline/services/fetcher"
)

// maxAttributes is the most message attributes that SQS takes.
const maxAttributes = 10

// copyOf is the message as it goes back: body and attributes as they are, with the origin that makes it the same event,
// and without the reason, which was that of another try. A letter without an origin was moved by the queue's redrive policy,
// which keeps MessageId and SentTimestamp: they are its origin. One that is malformed stays as it is: what made it so is
// the producer's, and the fetcher would reject it again. Not ok: there is no room for the origin, or no time to make it of.
func copyOf(m types.Message) (entry types.SendMessageBatchRequestEntry, ok bool) {
	attributes := maps.Clone(m.MessageAttributes)
	if attributes == nil {
		attributes = map[string]types.MessageAttributeValue{}
	}
	delete(attributes, fetcher.RejectAttribute)
	if _, given := attributes[fetcher.OriginAttribute]; !given {
		sent, err := strconv.ParseInt(m.Attributes[string(types.MessageSystemAttributeNameSentTimestamp)], 10, 64)
		if err != nil {
			return entry, false
		}
		origin := fetcher.Origin{ID: aws.ToString(m.MessageId), SentMS: sent}.Attribute()
		attributes[fetcher.OriginAttribute] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: &origin}
	}
	entry = types.SendMessageBatchRequestEntry{MessageBody: m.Body, MessageAttributes: attributes}
	if group := m.Attributes[string(types.MessageSystemAttributeNameMessageGroupId)]; group != "" {
		entry.MessageGroupId = &group
	}
	return entry, len(attributes) <= maxAttributes
}

// sizeOf is what SQS counts: body and attributes.
func sizeOf(e types.SendMessageBatchRequestEntry) int {
	n := len(aws.ToString(e.MessageBody))
	for name, a := range e.MessageAttributes {
		n += len(name) + len(aws.ToString(a.DataType)) + len(aws.ToString(a.StringValue)) + len(a.BinaryValue)
	}
	return n
}

// send returns the letters whose copy the queue has taken. One that it refuses, for example because there is no room for
// the origin, stays.
func (r *run) send(ctx context.Context, letters []letter) (taken []letter, err error) {
	entries := make([]types.SendMessageBatchRequestEntry, len(letters))
	for i, l := range letters {
		entries[i] = l.entry
		entries[i].Id = aws.String(strconv.Itoa(i))
	}
	out, err := r.source.Client.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &r.source.URL, Entries: entries})
	if err != nil {
		return nil, err
	}
	for _, sent := range out.Successful {
		if i, err := strconv.Atoi(aws.ToString(sent.Id)); err == nil && i >= 0 && i < len(letters) {
			taken = append(taken, letters[i])
		}
	}
	return taken, nil
}
