package traffic

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

const (
	// passHold hides what a pass has received, so that it comes to an end. A pass that is killed leaves its messages
	// hidden for as long.
	passHold = 5 * time.Minute
	// passStale is how many receives in a row may bring nothing new: then the hold has run out, and the queue begins to
	// repeat itself.
	passStale = 20
	// passEmpty is how many receives in a row may bring nothing at all though the queue counts visible messages: its
	// counts are approximate.
	passEmpty = 3
	// givingBack bounds the clean-up.
	givingBack = time.Minute
)

// Pass goes once over the messages that a queue holds. It promises to hand out each message once, to end, and to give
// back at Close what was not deleted. Reading this way raises receive counts and hides messages from others until Close;
// it changes nothing else. Safe for concurrent use.
type Pass struct {
	queue      *Queue
	attributes []string

	mu   sync.Mutex
	held map[string]string // receipt handles by MessageId; an empty one is no longer held
	// stale and empty count receives in a row; see passStale and passEmpty.
	stale, empty int
}

// Look begins a pass. attributes are the names of the message attributes to be read, "All" for all.
func (q *Queue) Look(attributes ...string) *Pass {
	return &Pass{queue: q, attributes: attributes, held: map[string]string{}}
}

// Next returns up to ten messages that the pass has not seen. None: the pass is at its end.
func (p *Pass) Next(ctx context.Context) ([]types.Message, error) {
	for wait := int32(0); ; wait = 1 {
		out, err := p.queue.Client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl: &p.queue.URL, MaxNumberOfMessages: batchMessages, WaitTimeSeconds: wait,
			VisibilityTimeout: int32(passHold / time.Second), MessageAttributeNames: p.attributes,
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameSentTimestamp, types.MessageSystemAttributeNameMessageGroupId},
			AttributeNames:              []types.QueueAttributeName{"SentTimestamp", "MessageGroupId"}, //nolint:staticcheck // older servers know this name only
		})
		if err != nil {
			return nil, fmt.Errorf("queue %s: receive: %w", p.queue.URL, err)
		}
		fresh, goOn := p.note(out.Messages)
		if len(fresh) > 0 || !goOn {
			return fresh, nil
		}
		if len(out.Messages) > 0 {
			continue
		}
		depth, err := p.queue.Depth(ctx)
		if err != nil || depth.Visible == 0 {
			return nil, err
		}
	}
}

// note keeps the receipts, of which the latest is the valid one, and finds what is new.
func (p *Pass) note(messages []types.Message) (fresh []types.Message, goOn bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range messages {
		if _, seen := p.held[aws.ToString(m.MessageId)]; !seen {
			fresh = append(fresh, m)
		}
		p.held[aws.ToString(m.MessageId)] = aws.ToString(m.ReceiptHandle)
	}
	switch {
	case len(fresh) > 0:
		p.stale, p.empty = 0, 0
	case len(messages) > 0:
		p.stale, p.empty = p.stale+1, 0
	default:
		p.empty++
	}
	return fresh, p.stale < passStale && p.empty < passEmpty
}

// Held is how many messages the pass hides from others.
func (p *Pass) Held() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, receipt := range p.held {
		if receipt != "" {
			n++
		}
	}
	return n
}

// Unread is how many messages the queue holds beside those that the pass has read: hidden by others, or arrived since.
func (p *Pass) Unread(ctx context.Context) (int, error) {
	depth, err := p.queue.Depth(ctx)
	return max(0, depth.Sum()-p.Held()), err
}

// Delete deletes messages of the pass, at most ten, and returns the ids of those that it could not delete.
func (p *Pass) Delete(ctx context.Context, ids []string) (failed []string, err error) {
	entries := make([]types.DeleteMessageBatchRequestEntry, len(ids))
	p.mu.Lock()
	for i, id := range ids {
		entries[i] = types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: aws.String(p.held[id])}
	}
	p.mu.Unlock()
	out, err := p.queue.Client.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: &p.queue.URL, Entries: entries})
	if err != nil {
		return ids, fmt.Errorf("queue %s: delete: %w", p.queue.URL, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, done := range out.Successful {
		if i, err := strconv.Atoi(aws.ToString(done.Id)); err == nil && i >= 0 && i < len(ids) {
			p.held[ids[i]] = ""
		}
	}
	for _, id := range ids {
		if p.held[id] != "" {
			failed = append(failed, id)
		}
	}
	return failed, nil
}

// Close makes visible again what the pass has read and not deleted, even if ctx has ended. What it cannot give back comes
// back by itself when the hold ends.
func (p *Pass) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), givingBack)
	defer cancel()
	p.mu.Lock()
	receipts := slices.DeleteFunc(slices.Collect(maps.Values(p.held)), func(receipt string) bool { return receipt == "" })
	clear(p.held)
	p.mu.Unlock()
	work := make(chan []string)
	var group sync.WaitGroup
	var mu sync.Mutex
	var all error
	for range senders {
		group.Go(func() {
			for batch := range work {
				if err := p.giveBack(ctx, batch); err != nil {
					mu.Lock()
					all = errors.Join(all, err)
					mu.Unlock()
				}
			}
		})
	}
	for batch := range slices.Chunk(receipts, batchMessages) {
		work <- batch
	}
	close(work)
	group.Wait()
	if all != nil {
		return fmt.Errorf("queue %s: give back: some messages stay hidden for up to %s: %w", p.queue.URL, passHold, all)
	}
	return nil
}

// giveBack passes over single failures: a message that is gone, or whose receipt is not the latest, is not ours to give.
func (p *Pass) giveBack(ctx context.Context, receipts []string) error {
	entries := make([]types.ChangeMessageVisibilityBatchRequestEntry, len(receipts))
	for i := range receipts {
		entries[i] = types.ChangeMessageVisibilityBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: &receipts[i]}
	}
	_, err := p.queue.Client.ChangeMessageVisibilityBatch(ctx, &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &p.queue.URL, Entries: entries})
	return err
}
