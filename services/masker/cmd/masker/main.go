// Command masker masks events on their way from fetchers to writers. See services/masker/README.md.
package main

import (
	"context"
	"errors"
	"os"

	"github.com/maskline/maskline/pkg/config"
	"github.com/maskline/maskline/pkg/lifecycle"
	"github.com/maskline/maskline/pkg/rpc"
	"github.com/maskline/maskline/pkg/telemetry"
	"github.com/maskline/maskline/services/masker"
)

func main() { lifecycle.Main(run) }

func run(ctx context.Context) error {
	var cfg masker.Config
	source := config.FromOS("masker")
	source.Positional = "[health]"
	args, err := config.Load(&cfg, source)
	if err != nil {
		return err
	}
	if len(args) > 0 {
		return rpc.OwnHealth(ctx, args, cfg.Listen, cfg.TLS)
	}
	log, err := telemetry.NewLogger(os.Stderr, cfg.LogLevel, cfg.LogFormat)
	if err != nil {
		return err
	}
	exported, err := telemetry.Start(ctx, log, telemetry.StageMasker, lifecycle.Version())
	if err != nil {
		return err
	}
	m, err := masker.New(cfg, masker.Deps{Logger: log, Version: lifecycle.Version()})
	if err == nil {
		err = m.Run(ctx)
	}
	return errors.Join(err, exported.Flush(ctx))
}
