package main

import (
	"context"

	"github.com/maskline/maskline/pkg/rpc"
)

func healthCommand() command {
	return command{
		name:  "health",
		brief: "ask a running service whether it may be sent work",
		summary: "Asks the service on this machine that listens on MASKLINE_LISTEN whether it may be sent work. " +
			"Exit code 0: yes. 1: no, or it does not answer. Made for the health checks of containers.",
		run: health,
	}
}

type healthSettings struct {
	Listen string `env:"MASKLINE_LISTEN" default:"127.0.0.1:7001" help:"The service's own setting; a wildcard address means this machine."`
	TLS    rpc.TLSFiles
}

func health(ctx context.Context, cmd command, c call) error {
	var s healthSettings
	if _, err := c.load(cmd, &s); err != nil {
		return err
	}
	return named(cmd, rpc.OwnHealth(ctx, []string{"health"}, s.Listen, s.TLS))
}
