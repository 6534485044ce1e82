package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/maskline/maskline/pkg/config"
	"github.com/maskline/maskline/pkg/telemetry"
	"github.com/maskline/maskline/services/maskline/stack"
)

func runCommand() command {
	return command{
		name:  "run",
		brief: "the three services in one process, on your queue and database",
		summary: "Runs fetcher, masker and writer in one process, against the configured queue and database, joined by gRPC over " +
			"loopback. It takes the settings of all three; a name that several have is set in each. MASKLINE_LISTEN is where the " +
			"fetcher serves status and health; masker and writer listen on free ports. SIGTERM stops them in the order of the " +
			"data. One process holds queue, key and login together: for production, run the three apart.",
		run: run,
	}
}

// drainSettle is the pause between two readings of a drained queue's counts, which lag behind the truth.
const drainSettle = 5 * time.Second

func run(ctx context.Context, cmd command, c call) error {
	cfg, err := runConfig(cmd, c)
	if err != nil {
		return err
	}
	log, err := telemetry.NewLogger(c.stderr, cfg.Fetcher.LogLevel, cfg.Fetcher.LogFormat)
	if err != nil {
		return err
	}
	exported, err := telemetry.Start(ctx, log, "maskline", version())
	if err != nil {
		return named(cmd, err)
	}
	services, err := stack.New(cfg, stack.Deps{Logger: log, Version: version()})
	if err == nil {
		err = errors.Join(services.Run(ctx), services.Fetcher.WriteTotals(c.stdout))
	}
	return named(cmd, errors.Join(err, exported.Flush(ctx)))
}

// runConfig loads the settings of all three.
func runConfig(cmd command, c call) (cfg stack.Config, err error) {
	validate := func() []config.Complaint {
		return slices.Concat(cfg.Fetcher.Validate(), cfg.Fetcher.TLS.Validate(), cfg.Writer.Validate())
	}
	u := unite(validate,
		part{&cfg.Fetcher, []string{"MASKLINE_MASKER_ADDRESS"}},
		part{&cfg.Masker, []string{"MASKLINE_LISTEN", "MASKLINE_WRITER_ADDRESS"}},
		part{&cfg.Writer, []string{"MASKLINE_LISTEN"}},
	)
	if _, err := c.load(cmd, u.target()); err != nil {
		return cfg, err
	}
	u.scatter()
	cfg.Masker.Listen, cfg.Writer.Listen = "127.0.0.1:0", "127.0.0.1:0"
	cfg.Fetcher.DrainSettle = drainSettle
	return cfg, nil
}
