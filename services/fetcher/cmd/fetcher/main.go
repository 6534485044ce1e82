// Command fetcher takes messages from an SQS queue and deletes each after its verdict. See services/fetcher/README.md.
package main

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/maskline/maskline/pkg/config"
	"github.com/maskline/maskline/pkg/lifecycle"
	"github.com/maskline/maskline/pkg/rpc"
	"github.com/maskline/maskline/pkg/telemetry"
	"github.com/maskline/maskline/services/fetcher"
)

func main() { lifecycle.Main(run) }

func run(ctx context.Context) error {
	var cfg fetcher.Config
	source := config.FromOS("fetcher")
	source.Positional = "[health]"
	args, err := config.Load(&cfg, source)
	if err != nil {
		return err
	}
	if len(args) > 0 {
		return rpc.OwnHealth(ctx, args, cfg.Listen, cfg.TLS)
	}
	cfg.DrainSettle = 5 * time.Second // the counts of SQS lag behind the truth
	log, err := telemetry.NewLogger(os.Stderr, cfg.LogLevel, cfg.LogFormat)
	if err != nil {
		return err
	}
	exported, err := telemetry.Start(ctx, log, telemetry.StageFetcher, lifecycle.Version())
	if err != nil {
		return err
	}
	f, err := fetcher.New(cfg, fetcher.Deps{Logger: log, Version: lifecycle.Version()})
	if err == nil {
		err = errors.Join(f.Run(ctx), f.WriteTotals(os.Stdout))
	}
	return errors.Join(err, exported.Flush(ctx))
}
