// Package stack runs fetcher, masker and writer in one process, joined by the same gRPC streams over loopback that join
// three machines. It promises to stop them in the order of the data, so that what takes stops before what it hands on
// to. It never lets them share memory, a key or a login: each gets its own configuration and nothing else.
package stack

import (
	"context"
	"log/slog"

	"github.com/maskline/maskline/pkg/lifecycle"
	"github.com/maskline/maskline/pkg/telemetry"
	"github.com/maskline/maskline/services/fetcher"
	"github.com/maskline/maskline/services/masker"
	"github.com/maskline/maskline/services/writer"
)

// Config is that of the three services. The addresses by which they find each other are filled in.
type Config struct {
	Fetcher fetcher.Config
	Masker  masker.Config
	Writer  writer.Config
}

// Deps are what the services use but do not own.
type Deps struct {
	Logger *slog.Logger
	// Queue replaces the fetcher's own client, if set.
	Queue fetcher.Queue
	// Version is shown in the status.
	Version string
}

// Stack is the three services.
type Stack struct {
	Fetcher *fetcher.Fetcher
	Masker  *masker.Masker
	Writer  *writer.Writer
}

// New lets the three listen; nothing works before Run.
func New(cfg Config, deps Deps) (*Stack, error) {
	logger := func(stage string) *slog.Logger { return deps.Logger.With(telemetry.KeyService, stage) }
	var s Stack
	var err error
	s.Writer, err = writer.New(cfg.Writer, writer.Deps{Logger: logger("writer"), Version: deps.Version})
	if err != nil {
		return nil, err
	}
	cfg.Masker.WriterAddress = []string{s.Writer.Addr()}
	s.Masker, err = masker.New(cfg.Masker, masker.Deps{Logger: logger("masker"), Version: deps.Version})
	if err != nil {
		return nil, err
	}
	cfg.Fetcher.MaskerAddress = []string{s.Masker.Addr()}
	s.Fetcher, err = fetcher.New(cfg.Fetcher, fetcher.Deps{Logger: logger("fetcher"), Queue: deps.Queue, Version: deps.Version})
	if err != nil {
		return nil, err
	}
	return &s, nil
}

// Run works until ctx ends or one of the three does, which the fetcher does when it need not keep listening and the
// queue is drained. Then the others are stopped, in the order of the data.
func (s *Stack) Run(ctx context.Context) error {
	var group lifecycle.Group
	group.Add("writer", s.Writer.Run)
	group.Add("masker", s.Masker.Run)
	group.Add("fetcher", s.Fetcher.Run)
	return group.Run(ctx)
}
