// Package demo shows the whole pipeline on this machine: it sends messages, waits until the queue is drained, and holds
// what was sent against what arrived. It promises to end, to leave nothing behind, and to find a lost message even if
// every stage believes it settled. It never prints a body that it did not generate itself.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/maskline/maskline/pkg/lifecycle"
	"github.com/maskline/maskline/services/fetcher"
	"github.com/maskline/maskline/services/maskline/ledger"
	"github.com/maskline/maskline/services/maskline/sandbox"
	"github.com/maskline/maskline/services/maskline/stack"
	"github.com/maskline/maskline/services/maskline/traffic"
)

const (
	// StartPatience bounds the start of queue and Postgres; initdb takes two seconds, and far more on a busy machine.
	StartPatience = time.Minute
	// patience is how long it waits without progress. The fetcher itself gives up when it is not ready for as long.
	patience = 30 * time.Second
	// closing bounds the clean-up.
	closing = 10 * time.Second
)

// Config says what to show.
type Config struct {
	Sandbox  sandbox.Options
	Messages []traffic.Message
	// Generated says that the messages are samples, whose values may be shown.
	Generated bool
	// RejectBrake is that of the fetcher; here 0 is its default, since this dead-letter queue protects nothing.
	RejectBrake int
	// Rows, if set, receives every row as a line of JSON.
	Rows io.Writer
	// Story is where a person reads what happens. Never nil.
	Story io.Writer
	// Environ may tune the services; see sandbox.Configure.
	Environ []string
	Logger  *slog.Logger
	Version string
}

// run is one demonstration.
type run struct {
	Config
	began   time.Time
	box     *sandbox.Sandbox
	witness *witness
	book    *ledger.Book
}

// Run tells the story from the start of the queue to the account, and cleans up. The account is there even if the error
// says that it does not add up.
func Run(ctx context.Context, cfg Config) (account ledger.Account, err error) {
	r := &run{Config: cfg, began: time.Now()}
	starting, cancel := context.WithTimeout(ctx, StartPatience)
	defer cancel()
	if r.box, err = sandbox.Start(starting, cfg.Sandbox); err != nil {
		if ctx.Err() == nil && starting.Err() != nil {
			err = fmt.Errorf("not started within %s: %w", StartPatience, err)
		}
		return account, interrupted(ctx, err)
	}
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), closing)
		defer cancel()
		err = errors.Join(err, r.box.Close(end))
	}()
	r.tellStart()
	ids, err := traffic.Send(ctx, r.box.Queue.Client, r.box.Queue.URL, cfg.Messages)
	if err != nil {
		return account, interrupted(ctx, err)
	}
	r.book = ledger.NewBook(ids)
	r.tellSent()
	totals, err := r.drain(ctx)
	if err != nil {
		return account, interrupted(ctx, err)
	}
	if account, err = r.account(ctx, ids, totals); err != nil {
		return account, interrupted(ctx, err)
	}
	return account, account.Err()
}

// interrupted puts an end by signal in place of all the errors that follow from it.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return lifecycle.Exit(lifecycle.ExitInterrupted, errors.New("interrupted; everything was stopped and removed"))
	}
	return err
}

// drain runs the three services until the queue is drained, and returns the fetcher's totals.
func (r *run) drain(ctx context.Context) (map[string]uint64, error) {
	cfg, err := r.box.Configure(r.Environ)
	if err != nil {
		return nil, err
	}
	// Fields whose zero value means something are set after their defaults.
	cfg.Fetcher.KeepListening, cfg.Fetcher.DrainSettle, cfg.Fetcher.RejectBrake = false, 0, r.RejectBrake
	queue, err := fetcher.NewSQS(ctx, r.box.Queue.URL, "", cfg.Fetcher.Pollers, nil)
	if err != nil {
		return nil, err
	}
	r.witness = newWitness(queue)
	services, err := stack.New(cfg, stack.Deps{Logger: r.Logger, Queue: r.witness, Version: r.Version})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ended := make(chan error, 1)
	go func() { ended <- services.Run(ctx) }()
	stalled := watch(ctx, services.Fetcher, cancel)
	err = <-ended
	cancel(nil)
	if cause := <-stalled; cause != nil {
		return nil, errors.Join(cause, err)
	}
	return services.Fetcher.Totals(), err
}
