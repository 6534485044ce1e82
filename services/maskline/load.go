package main

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/maskline/maskline/services/fetcher"
	"github.com/maskline/maskline/services/maskline/traffic"
)

func loadCommand() command {
	return command{
		name:  "load",
		brief: "send sample logins whose repetition adds no row",
		summary: "Sends sample logins that carry an origin of their own, the same at every run: id and sent time are fixed, so sending " +
			"them again adds no row. Every hundredth is malformed and goes to the dead-letter queue.",
		run: load,
	}
}

type loadSettings struct {
	Queue    string `env:"MASKLINE_QUEUE" required:"true" help:"Queue to send to: a name or a URL."`
	Messages int    `flag:"messages" default:"100" min:"1" max:"1000000" help:"How many."`
	Batch    string `flag:"batch" default:"sample" help:"First part of their ids; another one makes other rows."`
	Rate     int    `flag:"rate" default:"0" min:"0" max:"100000" help:"Messages a second; 0 is as many as the queue takes."`
	Then     string `flag:"then" help:"Text to print at the end."`
	Yes      bool   `flag:"yes" help:"Send also to a queue that is not on this machine."`
}

// firstSent is the sent time of the first sample, in milliseconds: 2024-06-12T15:42:22.785Z. The others follow by the
// second.
const firstSent = 1718206942785

// Limits of sending: a batch is SQS' own limit, and a few senders keep a server busy that waits for a disk or a network.
const (
	loadBatch   = 10
	loadSenders = 4
)

func load(ctx context.Context, cmd command, c call) error {
	var s loadSettings
	if _, err := c.load(cmd, &s); err != nil {
		return err
	}
	if local, where := fetcher.Endpoint(s.Queue); !local && !s.Yes {
		return usage("maskline load: %s is not on this machine; add --yes to send samples there", where)
	}
	queue, err := traffic.Open(ctx, s.Queue)
	if err != nil {
		return named(cmd, err)
	}
	entries, malformed := loadEntries(s)
	if err := loadAll(ctx, queue, entries, s.Rate); err != nil {
		return named(cmd, err)
	}
	_, err = fmt.Fprintf(c.stdout, "sent %d sample logins, %d of them malformed on purpose\n%s", len(entries), malformed, s.Then)
	return named(cmd, err)
}

// loadEntries are the samples, each with its origin.
func loadEntries(s loadSettings) (entries []types.SendMessageBatchRequestEntry, malformed int) {
	for i, one := range traffic.Samples(s.Messages, 1) {
		if one.Malformed {
			malformed++
		}
		origin := fetcher.Origin{ID: s.Batch + "-" + strconv.Itoa(i+1), SentMS: firstSent + int64(i)*time.Second.Milliseconds()}
		entries = append(entries, types.SendMessageBatchRequestEntry{
			Id: aws.String(strconv.Itoa(i % loadBatch)), MessageBody: aws.String(one.Body),
			MessageAttributes: map[string]types.MessageAttributeValue{
				fetcher.OriginAttribute: {DataType: aws.String("String"), StringValue: aws.String(origin.Attribute())},
			},
		})
	}
	return entries, malformed
}

// loadAll sends, at the rate if there is one. The first failure ends it.
func loadAll(ctx context.Context, queue *traffic.Queue, entries []types.SendMessageBatchRequestEntry, rate int) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	work := make(chan []types.SendMessageBatchRequestEntry)
	var senders sync.WaitGroup
	for range loadSenders {
		senders.Go(func() {
			for batch := range work {
				if err := loadSend(ctx, queue, batch); err != nil {
					cancel(err) // the first is the cause
				}
			}
		})
	}
	began := time.Now()
	for sent := 0; sent < len(entries) && ctx.Err() == nil; sent += loadBatch {
		if rate > 0 {
			select {
			case <-time.After(time.Until(began.Add(time.Duration(sent) * time.Second / time.Duration(rate)))):
			case <-ctx.Done():
			}
		}
		select {
		case work <- entries[sent:min(sent+loadBatch, len(entries))]:
		case <-ctx.Done():
		}
	}
	close(work)
	senders.Wait()
	return context.Cause(ctx)
}

func loadSend(ctx context.Context, queue *traffic.Queue, batch []types.SendMessageBatchRequestEntry) error {
	out, err := queue.Client.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &queue.URL, Entries: batch})
	if err != nil {
		return err
	}
	if len(out.Failed) > 0 || len(out.Successful) != len(batch) {
		return fmt.Errorf("the queue took %d of %d messages", len(out.Successful), len(batch))
	}
	return nil
}
