package chaos

import (
	"context"
	"fmt"
	"syscall"
	"time"
)

// recovery is how soon everything must flow again after a freeze: the silence after which a stream is given up, and as
// long again.
const recovery = 30 * time.Second

func freezes() Scenario {
	return Scenario{
		Number: 4, Name: "freeze", Deadline: 8 * time.Minute, Waits: true,
		Does: "SIGSTOP of each stage for longer than the visibility timeout and the streams' patience, then SIGCONT",
		run: func(ctx context.Context, r *Run) error {
			s, err := r.start(ctx, options{visibility: 10})
			if err != nil {
				return err
			}
			return s.interrupted(ctx, func() error {
				for _, stage := range stages {
					if err := s.freeze(ctx, s.one(stage), pick(r, 40*time.Second, 18*time.Second)); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
}

func (s *System) freeze(ctx context.Context, p *Process, long time.Duration) error {
	s.held(ctx, p)
	s.hit(ctx, p, syscall.SIGSTOP)
	err := s.stands(ctx, long)
	p.signal(syscall.SIGCONT)
	if err != nil {
		return err
	}
	return s.recovers(ctx, fmt.Sprintf("after %s of SIGSTOP of the %s", long, p.stage))
}

// stands lets a fault last, and checks that nothing was written in the second half of it: else it was none.
func (s *System) stands(ctx context.Context, long time.Duration) error {
	if !sleep(ctx, long/2) {
		return ctx.Err()
	}
	before := s.rows(ctx)
	if !sleep(ctx, long/2) {
		return ctx.Err()
	}
	exactly(s.run, "rows written in the second half of a freeze or partition", s.rows(ctx)-before, 0)
	return nil
}

func partitions() Scenario {
	return Scenario{
		Number: 4, Name: "partitions", Deadline: 10 * time.Minute, Waits: true,
		Does: "each hop is cut for a time without a word, shorter and longer than the streams' patience; then all connections are reset, and each hop is slow",
		run: func(ctx context.Context, r *Run) error {
			s, err := r.start(ctx, options{visibility: 10, proxied: true})
			if err != nil {
				return err
			}
			return s.interrupted(ctx, func() error {
				for _, hop := range []string{hopQueue, hopMasker, hopWriter, hopDatabase} {
					for _, long := range pick(r, []time.Duration{5 * time.Second, 40 * time.Second}, []time.Duration{4 * time.Second}) {
						if err := s.cut(ctx, hop, long); err != nil {
							return err
						}
					}
					if err := s.resetAndSlow(ctx, hop); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
}

// cut partitions a hop.
func (s *System) cut(ctx context.Context, hop string, long time.Duration) error {
	s.disturb(ctx, hop, fmt.Sprintf("partition of %s for %s", hop, long))
	proxies := s.proxies(hop)
	for _, p := range proxies {
		p.partition()
	}
	err := s.stands(ctx, long)
	for _, p := range proxies {
		p.heal()
	}
	if err != nil {
		return err
	}
	return s.recovers(ctx, fmt.Sprintf("after a partition of %s for %s", hop, long))
}

func (s *System) resetAndSlow(ctx context.Context, hop string) error {
	proxies := s.proxies(hop)
	for _, p := range proxies {
		s.disturb(ctx, hop, "connections of "+hop+" reset, then 50 ms of latency for 2 s")
		atLeast(s.run, "connections of "+hop+" that were reset", p.reset(), 1)
		p.slow(50 * time.Millisecond)
	}
	whole := sleep(ctx, 2*time.Second)
	for _, p := range proxies {
		p.slow(0)
	}
	if !whole {
		return ctx.Err()
	}
	return s.recovers(ctx, "after connections of "+hop+" were reset")
}

// disturb notes a fault of a hop, with what the stage before it holds.
func (s *System) disturb(ctx context.Context, hop, what string) {
	stage := map[string]string{hopQueue: stageFetcher, hopMasker: stageFetcher, hopWriter: stageMasker, hopDatabase: stageWriter}[hop]
	s.run.fault(Fault{What: what, Stage: stage, PID: s.one(stage).pid(), InFlight: s.held(ctx, s.one(stage))})
}

// recovers waits until rows are written again and checks how long that took.
func (s *System) recovers(ctx context.Context, after string) error {
	took, err := s.flows(ctx)
	atMost(s.run, "seconds until rows were written "+after, seconds(took), recovery.Seconds())
	return err
}

// interrupted runs the processes under a steady load, disturbs them, and judges: nothing is lost, nothing doubled, and
// no process had to be started again.
func (s *System) interrupted(ctx context.Context, disturb func() error) error {
	if err := s.runAll(ctx); err != nil {
		return err
	}
	stop := s.feed(ctx, 200)
	if err := disturb(); err != nil {
		return err
	}
	if err := stop(); err != nil {
		return err
	}
	if err := s.drained(ctx, drainPatience); err != nil {
		return err
	}
	ended := 0
	for _, p := range s.all() {
		ended += len(p.ended())
	}
	exactly(s.run, "processes that ended", ended, 0)
	_, err := s.judge(ctx)
	return err
}
