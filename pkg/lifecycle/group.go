package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Group runs several services in one process. Add them in the direction against the data: the writer first, the fetcher
// last. It is used once, by one goroutine.
type Group struct {
	members []*member
}

type member struct {
	name   string
	run    func(ctx context.Context) error
	cancel context.CancelFunc
	done   chan struct{}
	err    error
}

// Add adds a service. Its run gets a context of its own, ends well by returning nil or that context's error once it is
// canceled, and is responsible for its own grace period.
func (g *Group) Add(name string, run func(ctx context.Context) error) {
	g.members = append(g.members, &member{name: name, run: run, done: make(chan struct{})})
}

// Run starts all services at once and waits until all have returned. When ctx ends, or as soon as one service returns
// for whatever reason, they are stopped: the last added first, each only after the one before it has returned. The
// error joins those of the services, each with its name.
func (g *Group) Run(ctx context.Context) error {
	first := make(chan struct{}, len(g.members)) // One slot each: nobody waits to say that it is done.
	for _, m := range g.members {
		// Not ended by ctx: order is the point.
		own, cancel := context.WithCancel(context.WithoutCancel(ctx))
		m.cancel = cancel
		go func() {
			m.err = m.run(own)
			close(m.done)
			first <- struct{}{}
		}()
	}
	if len(g.members) > 0 {
		select {
		case <-ctx.Done():
		case <-first:
		}
	}
	var errs []error
	for _, m := range slices.Backward(g.members) {
		m.cancel()
		<-m.done
		// The end that we asked for is no error, and neither is it for one that returned before with its context's.
		if m.err != nil && !errors.Is(m.err, context.Canceled) {
			errs = append(errs, fmt.Errorf("%s: %w", m.name, m.err))
		}
	}
	return errors.Join(errs...)
}
