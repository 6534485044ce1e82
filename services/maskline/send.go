package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/maskline/maskline/services/fetcher"
	"github.com/maskline/maskline/services/maskline/traffic"
)

func sendCommand() command {
	return command{
		name:  "send",
		brief: "send messages of a file, or samples, to a queue",
		summary: "Sends messages to MASKLINE_QUEUE: those of a file, or generated sample logins, of which every hundredth is " +
			"malformed. It prints how many were sent. The AWS_* settings of the environment hold, AWS_ENDPOINT_URL_SQS included.",
		run: send,
	}
}

// input is what demo and send have in common.
type input struct {
	Messages int    `flag:"messages" min:"1" max:"10000000" help:"Send so many generated sample logins."`
	File     string `flag:"file" help:"Send the messages of this file instead: one JSON array, or one message a line; gzip is fine."`
	Seed     int64  `flag:"seed" default:"1" help:"Seed of the samples: equal seeds give equal samples."`
}

// read makes or reads the messages; otherwise is how many samples if nobody says how many.
func (in input) read(otherwise int) ([]traffic.Message, error) {
	switch {
	case in.File != "" && in.Messages != 0:
		return nil, usage("--file and --messages: choose one")
	case in.File != "":
		messages, err := traffic.ReadFile(in.File)
		if err != nil {
			return nil, usage("--file: %w", err)
		}
		return messages, nil
	case in.Messages == 0:
		in.Messages = otherwise
	}
	return traffic.Samples(in.Messages, uint64(in.Seed)), nil
}

type sendSettings struct {
	Queue string `env:"MASKLINE_QUEUE" required:"true" help:"Queue to send to: a name or a URL."`
	Input input
	Yes   bool `flag:"yes" help:"Send also to a queue that is not on this machine."`
}

func send(ctx context.Context, cmd command, c call) error {
	var s sendSettings
	if _, err := c.load(cmd, &s); err != nil {
		return err
	}
	if s.Input.File == "" && s.Input.Messages == 0 {
		return usage("maskline send: say what to send: --file FILE or --messages N")
	}
	messages, err := s.Input.read(0)
	if err != nil {
		return named(cmd, err)
	}
	if local, where := fetcher.Endpoint(s.Queue); !local && !s.Yes {
		return usage("maskline send: %s is not on this machine; add --yes to send %d messages there", where, len(messages))
	}
	queue, err := traffic.Open(ctx, s.Queue)
	if err != nil {
		return named(cmd, err)
	}
	ids, err := traffic.Send(ctx, queue.Client, queue.URL, messages)
	sent := 0
	for _, id := range ids {
		if id != "" {
			sent++
		}
	}
	_, printed := fmt.Fprintf(c.stdout, "sent %d of %d\n", sent, len(messages))
	return named(cmd, errors.Join(err, printed))
}
