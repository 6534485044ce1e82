package main

import (
	"context"
	"fmt"
	"strconv"
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
	Then     string `flag:"then" help:"Text to print at the end."`
	Yes      bool   `flag:"yes" help:"Send also to a queue that is not on this machine."`
}

// firstSent is the sent time of the first sample, in milliseconds: 2024-06-12T15:42:22.785Z. The others follow by the
// second.
const firstSent = 1718206942785

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
	samples := traffic.Samples(s.Messages, 1)
	malformed := 0
	entries := make([]types.SendMessageBatchRequestEntry, 0, len(samples))
	for i, one := range samples {
		if one.Malformed {
			malformed++
		}
		origin := fetcher.Origin{ID: s.Batch + "-" + strconv.Itoa(i+1), SentMS: firstSent + int64(i)*time.Second.Milliseconds()}
		entries = append(entries, types.SendMessageBatchRequestEntry{
			Id: aws.String(strconv.Itoa(i % sendBatch)), MessageBody: aws.String(one.Body),
			MessageAttributes: map[string]types.MessageAttributeValue{
				fetcher.OriginAttribute: {DataType: aws.String("String"), StringValue: aws.String(origin.Attribute())},
			},
		})
	}
	if err := sendAll(ctx, queue, entries); err != nil {
		return named(cmd, err)
	}
	_, err = fmt.Fprintf(c.stdout, "sent %d sample logins, %d of them malformed on purpose\n%s", len(samples), malformed, s.Then)
	return named(cmd, err)
}

// sendBatch is SQS' own limit.
const sendBatch = 10

func sendAll(ctx context.Context, queue *traffic.Queue, entries []types.SendMessageBatchRequestEntry) error {
	for len(entries) > 0 {
		n := min(sendBatch, len(entries))
		out, err := queue.Client.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &queue.URL, Entries: entries[:n]})
		if err != nil {
			return err
		}
		if len(out.Failed) > 0 || len(out.Successful) != n {
			return fmt.Errorf("the queue took %d of %d messages", len(out.Successful), n)
		}
		entries = entries[n:]
	}
	return nil
}
