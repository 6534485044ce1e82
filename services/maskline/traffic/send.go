package traffic

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/maskline/maskline/services/fetcher"
)

// Limits of SendMessageBatch. SQS allows a batch of 1 MiB, and did allow a quarter of that; so do its understudies.
const (
	batchMessages = 10
	batchBytes    = 256 << 10
)

// senders is how many batches are on their way at a time.
const senders = 8

// Send sends messages in batches and returns their MessageIds, in the order of messages: an empty one was not sent. The
// error names the first that was not, and after it nothing more is begun. Batches overtake each other, as in any queue.
func Send(ctx context.Context, client *sqs.Client, url string, messages []Message) (ids []string, err error) {
	ids = make([]string, len(messages))
	err = SendEach(ctx, client, url, messages, 0, func(i int, id string) error {
		ids[i] = id
		return nil
	})
	return ids, err
}

// SendEach is Send for a producer who keeps a ledger: it says of each message that it was sent, as soon as the queue has
// answered, by its position and its MessageId. It says so one at a time, and an error ends the sending. A batch whose
// answer is lost is sent again by the client: its messages are in the queue twice then, and told once. rate is in messages
// a second; 0 is as many as the queue takes.
func SendEach(ctx context.Context, client *sqs.Client, url string, messages []Message, rate int, sent func(i int, id string) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	work := make(chan []int)
	var telling sync.Mutex
	var group sync.WaitGroup
	for range senders {
		group.Go(func() {
			for batch := range work {
				ids, err := sendBatch(ctx, client, url, messages, batch)
				telling.Lock()
				for i, id := range ids {
					if id != "" {
						err = errors.Join(err, sent(batch[i], id))
					}
				}
				telling.Unlock()
				if err != nil {
					cancel(err) // the first is the cause
				}
			}
		})
	}
	began := time.Now()
	for _, batch := range batches(messages) {
		if rate > 0 {
			due := began.Add(time.Duration(batch[0]) * time.Second / time.Duration(rate))
			select {
			case <-time.After(time.Until(due)):
			case <-ctx.Done():
			}
		}
		select {
		case work <- batch:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
	}
	close(work)
	group.Wait()
	return context.Cause(ctx)
}

// batches groups the indexes of messages by the limits.
func batches(messages []Message) (all [][]int) {
	var batch []int
	size := 0
	for i, m := range messages {
		if len(batch) == batchMessages || len(batch) > 0 && size+len(m.Body) > batchBytes {
			all, batch, size = append(all, batch), nil, 0
		}
		batch, size = append(batch, i), size+len(m.Body)
	}
	if len(batch) > 0 {
		all = append(all, batch)
	}
	return all
}

// sendBatch sends the messages with these indexes and returns their MessageIds. Whatever the queue does not name as sent
// counts as not sent, and its id is empty.
func sendBatch(ctx context.Context, client *sqs.Client, url string, messages []Message, batch []int) (ids []string, err error) {
	ids = make([]string, len(batch))
	entries := make([]types.SendMessageBatchRequestEntry, len(batch))
	for i, index := range batch {
		m := &messages[index]
		entries[i] = types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: &m.Body}
		if m.Origin != "" {
			entries[i].MessageAttributes = map[string]types.MessageAttributeValue{
				fetcher.OriginAttribute: {DataType: aws.String("String"), StringValue: &m.Origin},
			}
		}
	}
	out, err := client.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &url, Entries: entries})
	if err != nil {
		return ids, fmt.Errorf("send %s: %w", messages[batch[0]].Place, err)
	}
	for _, sent := range out.Successful {
		if i, err := strconv.Atoi(aws.ToString(sent.Id)); err == nil && i >= 0 && i < len(batch) {
			ids[i] = aws.ToString(sent.MessageId)
		}
	}
	for _, failed := range out.Failed {
		if i, err := strconv.Atoi(aws.ToString(failed.Id)); err == nil && i >= 0 && i < len(batch) {
			return ids, fmt.Errorf("send %s: refused with %s", messages[batch[i]].Place, aws.ToString(failed.Code))
		}
	}
	for i, id := range ids {
		if id == "" {
			return ids, fmt.Errorf("send %s: the queue did not answer for it", messages[batch[i]].Place)
		}
	}
	return ids, nil
}
