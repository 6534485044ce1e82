package main

import (
	"context"
	"fmt"

	"github.com/maskline/maskline/pkg/local/queue"
)

func queueServeCommand() command {
	return command{
		name:  "queue serve",
		brief: "serve the queue of demo and dev alone, in memory",
		summary: "Serves the embedded queue, which speaks the SQS protocol and keeps its messages in memory, until it is told to stop. " +
			"It asks nobody for credentials: keep it on this machine or in a private network. For trials and load tests.",
		run: queueServe,
	}
}

type queueServeSettings struct {
	Listen string `flag:"listen" default:"127.0.0.1:9324" help:"Address to serve on."`
}

func queueServe(ctx context.Context, cmd command, c call) error {
	var s queueServeSettings
	if _, err := c.load(cmd, &s); err != nil {
		return err
	}
	server := queue.New(queue.Options{})
	endpoint, err := server.Listen(s.Listen)
	if err != nil {
		return named(cmd, err)
	}
	if _, err := fmt.Fprintf(c.stdout, "serving at %s\n", endpoint); err != nil {
		return named(cmd, err)
	}
	<-ctx.Done()
	return named(cmd, server.Close())
}
