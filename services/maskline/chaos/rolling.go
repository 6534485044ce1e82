package chaos

import (
	"context"
	"fmt"
	"syscall"
	"time"
)

func rolling() Scenario {
	return Scenario{
		Number: 12, Name: "rolling-restart", Deadline: 10 * time.Minute,
		Does: "SIGTERM to every process in turn, two of each stage, round after round, under load",
		run: func(ctx context.Context, r *Run) error {
			s, err := r.start(ctx, options{visibility: 30, replicas: map[string]int{stageFetcher: 2, stageMasker: 2, stageWriter: 2}})
			if err != nil {
				return err
			}
			if err := s.runAll(ctx); err != nil {
				return err
			}
			stop, unclean, busy := s.feed(ctx, 300), 0, 0
			rounds := pick(r, 20, 2)
			for range rounds {
				for _, p := range s.all() {
					held := s.held(ctx, p)
					e, err := s.roll(ctx, p)
					if err != nil {
						return err
					}
					if held > 0 {
						busy++
					}
					if e.code != 0 {
						unclean++
					}
				}
			}
			if err := stop(); err != nil {
				return err
			}
			r.note("%d processes were ended, %d of them while they held messages", rounds*len(s.all()), busy)
			exactly(r, "ended processes that did not exit with 0", unclean, 0)
			if _, err := s.judge(ctx); err != nil {
				return err
			}
			tally := s.queue.Tally(source)
			r.note("%d messages were released before they were sent on, and received again", tally.AfterRelease)
			exactly(r, "messages received again without a release", tally.Again-tally.AfterRelease, 0)
			return nil
		},
	}
}

// held waits a moment for the process to hold something, and returns how much.
func (s *System) held(ctx context.Context, p *Process) (records uint64) {
	_ = until(ctx, time.Second, "messages in flight", func() bool { records = p.holds(ctx); return records > 0 })
	return records
}

// roll ends a process as an orchestrator does, and waits until the next one is ready.
func (s *System) roll(ctx context.Context, p *Process) (exit, error) {
	before := len(p.ended())
	if s.hit(ctx, p, syscall.SIGTERM).PID == 0 {
		return exit{}, fmt.Errorf("%s: does not run", p.stage)
	}
	if err := until(ctx, stopPatience, p.stage+" ends after SIGTERM", func() bool { return len(p.ended()) > before }); err != nil {
		return exit{}, err
	}
	return p.ended()[before], p.ready(ctx)
}
