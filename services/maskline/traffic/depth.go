package traffic

import (
	"context"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// Depth is how many messages a queue holds, by its own count: exact for the embedded queue, approximate on AWS for about
// a minute after a change.
type Depth struct {
	Visible  int `json:"visible"`
	InFlight int `json:"in_flight"`
	Delayed  int `json:"delayed"`
}

// Sum is how many there are in all.
func (d Depth) Sum() int { return d.Visible + d.InFlight + d.Delayed }

// String is the depth in words.
func (d Depth) String() string {
	return fmt.Sprintf("%d visible, %d in flight, %d delayed", d.Visible, d.InFlight, d.Delayed)
}

// Depth asks the queue how much it holds. It receives nothing.
func (q *Queue) Depth(ctx context.Context) (d Depth, err error) {
	counts := map[types.QueueAttributeName]*int{
		types.QueueAttributeNameApproximateNumberOfMessages:           &d.Visible,
		types.QueueAttributeNameApproximateNumberOfMessagesNotVisible: &d.InFlight,
		types.QueueAttributeNameApproximateNumberOfMessagesDelayed:    &d.Delayed,
	}
	input := sqs.GetQueueAttributesInput{QueueUrl: &q.URL}
	for name := range counts {
		input.AttributeNames = append(input.AttributeNames, name)
	}
	out, err := q.Client.GetQueueAttributes(ctx, &input)
	if err != nil {
		return d, fmt.Errorf("queue %s: %w", q.URL, err)
	}
	for name, count := range counts {
		if *count, err = strconv.Atoi(out.Attributes[string(name)]); err != nil {
			return d, fmt.Errorf("queue %s: it does not say how many messages it holds", q.URL)
		}
	}
	return d, nil
}

// MaxMessageBytes is the largest message, and the largest batch, that the queue takes.
func (q *Queue) MaxMessageBytes(ctx context.Context) (int, error) {
	name := types.QueueAttributeNameMaximumMessageSize
	out, err := q.Client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &q.URL, AttributeNames: []types.QueueAttributeName{name}})
	if err != nil {
		return 0, fmt.Errorf("queue %s: %w", q.URL, err)
	}
	if n, err := strconv.Atoi(out.Attributes[string(name)]); err == nil {
		return n, nil
	}
	return batchBytes, nil
}
