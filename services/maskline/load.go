package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

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
	messages, malformed := loadMessages(s)
	err = traffic.SendEach(ctx, queue.Client, queue.URL, messages, s.Rate, func(int, string) error { return nil })
	if err != nil {
		return named(cmd, err)
	}
	_, err = fmt.Fprintf(c.stdout, "sent %d sample logins, %d of them malformed on purpose\n%s", len(messages), malformed, s.Then)
	return named(cmd, err)
}

// loadMessages are the samples, each with its origin.
func loadMessages(s loadSettings) (messages []traffic.Message, malformed int) {
	messages = traffic.Samples(s.Messages, 1)
	for i := range messages {
		if messages[i].Malformed {
			malformed++
		}
		origin := fetcher.Origin{ID: s.Batch + "-" + strconv.Itoa(i+1), SentMS: firstSent + int64(i)*time.Second.Milliseconds()}
		messages[i].Origin = origin.Attribute()
	}
	return messages, malformed
}
