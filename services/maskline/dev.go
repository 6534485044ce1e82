package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"time"

	"github.com/maskline/maskline/pkg/telemetry"
	"github.com/maskline/maskline/services/maskline/demo"
	"github.com/maskline/maskline/services/maskline/sandbox"
	"github.com/maskline/maskline/services/maskline/stack"
	"github.com/maskline/maskline/services/maskline/traffic"
)

func devCommand() command {
	return command{
		name:  "dev",
		brief: "the same, but stays up and prints the addresses",
		summary: "Starts what demo starts and keeps it running until Ctrl-C: send messages, look into the table, ask the services. " +
			"The ports are the usual ones where they are free. With --data, key and database are there again at the next start; " +
			"the queue forgets its messages in any case.",
		run: dev,
	}
}

// Ports of dev, if nobody has them: those of the services' defaults, and the one that understudies of SQS use.
const (
	queuePort   = "127.0.0.1:9324"
	fetcherPort = "127.0.0.1:7001"
	maskerPort  = "127.0.0.1:7002"
	writerPort  = "127.0.0.1:7003"
)

type devSettings struct {
	Data  string `flag:"data" help:"Folder that keeps key and database over restarts. Default: a temporary one."`
	Input input
	Box   boxSettings
}

func dev(ctx context.Context, cmd command, c call) (err error) {
	var s devSettings
	if _, err := c.load(cmd, &s); err != nil {
		return err
	}
	var messages []traffic.Message
	if s.Input.File != "" || s.Input.Messages != 0 {
		if messages, err = s.Input.read(0); err != nil {
			return named(cmd, err)
		}
	}
	opts, err := s.Box.options()
	if err != nil {
		return err
	}
	opts.QueueListen = free(queuePort)
	if s.Data != "" {
		if opts.Dir, err = filepath.Abs(s.Data); err != nil {
			return named(cmd, err)
		}
	}
	log, err := telemetry.NewLogger(c.stderr, s.Box.LogLevel, s.Box.LogFormat)
	if err != nil {
		return err
	}
	exported, err := telemetry.Start(ctx, log, "maskline", version())
	if err != nil {
		return named(cmd, err)
	}
	defer func() { err = errors.Join(err, exported.Flush(ctx)) }()
	if err := c.isolate(); err != nil {
		return err
	}
	starting, cancel := context.WithTimeout(ctx, demo.StartPatience)
	defer cancel()
	box, err := sandbox.Start(starting, opts)
	if err != nil {
		return named(cmd, err)
	}
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		err = errors.Join(err, box.Close(end))
	}()
	cfg, err := box.Configure(c.environ)
	if err != nil {
		return err
	}
	cfg.Fetcher.DrainSettle, cfg.Fetcher.RejectBrake, cfg.Masker.Preview = 0, s.Box.Brake, true
	cfg.Fetcher.Listen, cfg.Masker.Listen, cfg.Writer.Listen = free(fetcherPort), free(maskerPort), free(writerPort)
	services, err := stack.New(cfg, stack.Deps{Logger: log, Version: version()})
	if err != nil {
		return named(cmd, err)
	}
	if _, err := traffic.Send(ctx, box.Queue.Client, box.Queue.URL, messages); err != nil {
		return named(cmd, err)
	}
	tellAddresses(c.stdout, box, services, s.Data)
	return named(cmd, services.Run(ctx))
}

// free is an address if nobody listens there, else any free port on loopback.
func free(address string) string {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return "127.0.0.1:0"
	}
	if listener.Close() != nil {
		return "127.0.0.1:0"
	}
	return address
}

// tellAddresses prints lines to copy.
func tellAddresses(w io.Writer, box *sandbox.Sandbox, s *stack.Stack, data string) {
	_, _ = fmt.Fprintf(w, `Maskline is up. Ctrl-C stops it.

Queue (any AWS SDK or command line):
  export MASKLINE_QUEUE=%[1]s
  export AWS_ENDPOINT_URL_SQS=%[2]s
  export AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local
  dead letters: %[3]s

Send something:
  maskline send --messages 100

Postgres:
  psql '%[4]s' -c 'SELECT * FROM %[5]s LIMIT 5'

Services:
  grpcurl -plaintext %[6]s maskline.control.v1.ControlService/GetStatus  # fetcher
  grpcurl -plaintext %[7]s maskline.control.v1.ControlService/GetStatus  # masker
  grpcurl -plaintext %[8]s maskline.control.v1.ControlService/GetStatus  # writer
  grpcurl -plaintext -d '{"event":{"body":"%[9]s"}}' \
      %[7]s maskline.masker.v1.MaskerService/Preview

`, box.Queue.URL, box.Endpoint(), box.DeadLetters.URL, box.DSN, box.Table,
		s.Fetcher.Addr(), s.Masker.Addr(), s.Writer.Addr(), previewBody)
	if data == "" {
		_, _ = io.WriteString(w, "Key and database are removed at the end; --data DIR would keep them.\n")
	} else {
		_, _ = fmt.Fprintf(w, "Key and database are kept in %s.\n", data)
	}
}

// previewBody is base64 of {"user_id":"u1","ip":"192.0.2.7","device_id":"d1","app_version":"2.3.0"}.
const previewBody = "eyJ1c2VyX2lkIjoidTEiLCJpcCI6IjE5Mi4wLjIuNyIsImRldmljZV9pZCI6ImQxIiwiYXBwX3ZlcnNpb24iOiIyLjMuMCJ9"
