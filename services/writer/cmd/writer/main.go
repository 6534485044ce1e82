// Command writer writes masked rows to Postgres. See services/writer/README.md.
package main

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/maskline/maskline/pkg/config"
	"github.com/maskline/maskline/pkg/lifecycle"
	"github.com/maskline/maskline/pkg/telemetry"
	"github.com/maskline/maskline/services/writer"
)

var version = "dev" // set by the build: -ldflags "-X main.version=…"

func main() { lifecycle.Main(run) }

func run(ctx context.Context) error {
	var cfg writer.Config
	if _, err := config.Load(&cfg, config.FromOS("writer")); err != nil {
		return err
	}
	log, err := telemetry.NewLogger(os.Stderr, cfg.LogLevel, cfg.LogFormat)
	if err != nil {
		return err
	}
	exported, err := telemetry.Start(ctx, "writer", version)
	if err != nil {
		return err
	}
	w, err := writer.New(cfg, writer.Deps{Logger: log, Version: version})
	if err == nil {
		err = w.Run(ctx)
	}
	flush, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return errors.Join(err, exported.Shutdown(flush))
}
