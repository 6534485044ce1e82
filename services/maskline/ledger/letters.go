package ledger

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/maskline/maskline/services/fetcher"
)

// letterHold hides what was read, so that reading comes to an end; nothing is deleted.
const letterHold = 600

// ReadLetters receives what a dead-letter queue holds and returns the distinct ids of the messages, each with the reason
// of its rejection. The id is that of the origin attribute, or the MessageId of a message that the queue's redrive policy
// has moved. It ends when the queue returns nothing and counts nothing visible, so it suits a queue that nobody writes
// to.
func ReadLetters(ctx context.Context, client *sqs.Client, url string) (map[string]string, error) {
	ids := map[string]string{}
	for {
		out, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl: &url, MaxNumberOfMessages: 10, VisibilityTimeout: letterHold,
			MessageAttributeNames: []string{fetcher.OriginAttribute, fetcher.RejectAttribute},
		})
		if err != nil {
			return nil, fmt.Errorf("dead-letter queue: %w", err)
		}
		for _, m := range out.Messages {
			ids[idOf(m)] = reasonOf(m)
		}
		if len(out.Messages) > 0 {
			continue
		}
		visible, err := visibleIn(ctx, client, url)
		if err != nil {
			return nil, err
		}
		if visible == "0" {
			return ids, nil
		}
	}
}

func idOf(m types.Message) string {
	if a, ok := m.MessageAttributes[fetcher.OriginAttribute]; ok {
		if origin, err := fetcher.ParseOrigin(aws.ToString(a.StringValue)); err == nil {
			return origin.ID
		}
	}
	return aws.ToString(m.MessageId)
}

// reasonOf is the reason and the column, which name places and never values.
func reasonOf(m types.Message) string {
	var reject fetcher.Reject
	a := m.MessageAttributes[fetcher.RejectAttribute]
	if err := json.Unmarshal([]byte(aws.ToString(a.StringValue)), &reject); err != nil || reject.Reason == "" {
		return "moved by the queue's redrive policy"
	}
	if reject.Column != "" {
		return reject.Reason + " in " + reject.Column
	}
	return reject.Reason
}

func visibleIn(ctx context.Context, client *sqs.Client, url string) (string, error) {
	name := types.QueueAttributeNameApproximateNumberOfMessages
	out, err := client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: &url, AttributeNames: []types.QueueAttributeName{name},
	})
	if err != nil {
		return "", fmt.Errorf("dead-letter queue: %w", err)
	}
	return out.Attributes[string(name)], nil
}
