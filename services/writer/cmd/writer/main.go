// Command writer writes masked rows to Postgres. See services/writer/README.md.
package main

import (
	"context"
	"errors"
	"os"

	"github.com/maskline/maskline/pkg/config"
	"github.com/maskline/maskline/pkg/lifecycle"
	"github.com/maskline/maskline/pkg/rpc"
	"github.com/maskline/maskline/pkg/telemetry"
	"github.com/maskline/maskline/services/writer"
)

func main() { lifecycle.Main(run) }

func run(ctx context.Context) error {
	var cfg writer.Config
	source := config.FromOS("writer")
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
	exported, err := telemetry.Start(ctx, log, telemetry.StageWriter, lifecycle.Version())
	if err != nil {
		return err
	}
	w, err := writer.New(cfg, writer.Deps{Logger: log, Version: lifecycle.Version()})
	if err == nil {
		err = w.Run(ctx)
	}
	return errors.Join(err, exported.Flush(ctx))
}
