package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/maskline/maskline/pkg/telemetry"
	"github.com/maskline/maskline/services/masker/keys"
	"github.com/maskline/maskline/services/masker/mapping"
	"github.com/maskline/maskline/services/maskline/demo"
	"github.com/maskline/maskline/services/maskline/sandbox"
)

// demoMessages is how many samples are sent if nobody says how many.
const demoMessages = 100

func demoCommand() command {
	return command{
		name:  "demo",
		brief: "start everything here, send 100 messages, show what comes out",
		summary: "Starts a queue, a private Postgres and the three services on this machine, sends messages through them, and " +
			"holds what was sent against the rows in the table and the dead letters. Then it removes everything. No queue and no " +
			"database of yours is touched, whatever the environment says. Exit code 1 if a message is lost, if rows and commits do " +
			"not agree, or if there is no progress for 30 s.",
		run: runDemo,
	}
}

// boxSettings are those that demo and dev share.
type boxSettings struct {
	Mapping   string `flag:"mapping" default:"login" help:"Mapping file, or the name of a built-in one; its table is made."`
	KeyFile   string `flag:"key-file" help:"Mask with this key file. Default: a new key."`
	SQL       string `flag:"sql" help:"For checkers: run this file of SQL in the demo's database after the table was made, for example to add a trigger."`
	Brake     int    `env:"MASKLINE_REJECT_BRAKE" min:"0" help:"So many equal rejections in a row pause the intake. Default here: 0, never."`
	LogLevel  string `env:"MASKLINE_LOG_LEVEL" default:"warn" oneof:"debug|info|warn|error" help:"Least severe log line shown, on stderr."`
	LogFormat string `env:"MASKLINE_LOG_FORMAT" default:"auto" oneof:"auto|text|json" help:"auto: text on a terminal, else json."`
}

type demoSettings struct {
	Input input
	Rows  string `flag:"rows" help:"Write every row with its MessageId to this file, as lines of JSON ordered by event_id."`
	JSON  bool   `flag:"json" help:"Print nothing but the account, as one JSON object."`
	Box   boxSettings
}

func runDemo(ctx context.Context, cmd command, c call) (err error) {
	var s demoSettings
	if _, err := c.load(cmd, &s); err != nil {
		return err
	}
	messages, err := s.Input.read(demoMessages)
	if err != nil {
		return named(cmd, err)
	}
	cfg := demo.Config{
		Messages: messages, Generated: s.Input.File == "", RejectBrake: s.Box.Brake, Story: c.stdout,
		Environ: c.environ, Version: version(),
	}
	if cfg.Sandbox, err = s.Box.options(); err != nil {
		return err
	}
	if cfg.Logger, err = telemetry.NewLogger(c.stderr, s.Box.LogLevel, s.Box.LogFormat); err != nil {
		return err
	}
	if s.JSON {
		cfg.Story = io.Discard
	}
	if s.Rows != "" {
		file, err := os.OpenFile(s.Rows, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return usage("maskline demo: --rows: %w", err)
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		cfg.Rows = file
	}
	if err := c.isolate(); err != nil {
		return err
	}
	account, err := demo.Run(ctx, cfg)
	if s.JSON && account.Seconds > 0 {
		err = errors.Join(json.NewEncoder(c.stdout).Encode(account), err)
	}
	return named(cmd, err)
}

// options reads the files that the settings name.
func (s boxSettings) options() (opts sandbox.Options, err error) {
	var m *mapping.Mapping
	if m, err = readMapping(s.Mapping); err != nil {
		return opts, err
	}
	opts = sandbox.Options{Mapping: m, MappingName: s.Mapping, KeyFile: s.KeyFile}
	if s.KeyFile != "" {
		if _, err := keys.Load(s.KeyFile); err != nil {
			return opts, usage("--key-file: %w", err)
		}
	}
	if s.SQL != "" {
		text, err := os.ReadFile(s.SQL)
		if err != nil {
			return opts, usage("--sql: %w", err)
		}
		opts.SQL = string(text)
	}
	return opts, nil
}

// isolate takes out of the process what would lead the AWS SDK or the Postgres driver elsewhere.
func (c call) isolate() error {
	if c.unsetenv == nil {
		return nil
	}
	for _, entry := range c.environ {
		name, _, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, "AWS_") || strings.HasPrefix(name, "PG") {
			if err := c.unsetenv(name); err != nil {
				return fmt.Errorf("environment: %w", err)
			}
		}
	}
	return nil
}
