package chaos

import (
	"context"
	"fmt"
	"time"
)

func scale() Scenario {
	return Scenario{
		Number: 13, Name: "scale", FullOnly: true,
		Does: "one masker and one writer become four of each under load, and one again",
		run: func(ctx context.Context, r *Run) error {
			s, err := r.start(ctx, options{visibility: 30, replicas: map[string]int{stageMasker: 4, stageWriter: 4}})
			if err != nil {
				return err
			}
			first := []*Process{s.one(stageFetcher), s.one(stageMasker), s.one(stageWriter)}
			for _, p := range first {
				p.run()
			}
			stop := s.feed(ctx, 1000)
			if _, err := s.flows(ctx); err != nil {
				return err
			}
			for _, stage := range []string{stageMasker, stageWriter} {
				for _, p := range s.processes[stage][1:] {
					p.run()
				}
			}
			// What is promised is ten seconds; what is measured is the share of the ten after them.
			if !sleep(ctx, 10*time.Second) {
				return ctx.Err()
			}
			if err := s.shares(ctx, pick(r, 15*time.Second, 5*time.Second)); err != nil {
				return err
			}
			for _, stage := range []string{stageMasker, stageWriter} {
				for i, p := range s.processes[stage][1:] {
					r.fault(Fault{What: "SIGTERM", Stage: stage, PID: p.pid(), InFlight: s.held(ctx, p)})
					if !p.stop(true) {
						return fmt.Errorf("%s %d: did not exit with 0", stage, i+2)
					}
				}
			}
			if _, err := s.flows(ctx); err != nil {
				return err
			}
			if err := stop(); err != nil {
				return err
			}
			if _, err := s.judge(ctx); err != nil {
				return err
			}
			exactly(r, "messages received again", s.queue.Tally(source).Again-s.queue.Tally(source).AfterRelease, 0)
			return nil
		},
	}
}

// shares checks that each of four replicas takes a quarter of the work, give or take ten percent of all.
func (s *System) shares(ctx context.Context, over time.Duration) error {
	for _, stage := range []string{stageMasker, stageWriter} {
		before, err := s.received(ctx, stage)
		if err != nil {
			return err
		}
		if !sleep(ctx, over) {
			return ctx.Err()
		}
		after, err := s.received(ctx, stage)
		if err != nil {
			return err
		}
		var total, least, most float64
		for i := range after {
			total += after[i] - before[i]
		}
		least = 1
		for i := range after {
			share := (after[i] - before[i]) / total
			least, most = min(least, share), max(most, share)
		}
		s.run.note("%ss took %.0f records in %s: shares from %.0f %% to %.0f %%", stage, total, over, 100*least, 100*most)
		atLeast(s.run, "least share of a "+stage, least, 0.15)
		atMost(s.run, "largest share of a "+stage, most, 0.35)
	}
	return nil
}

// received is how much each process of a stage has taken.
func (s *System) received(ctx context.Context, stage string) (all []float64, err error) {
	for _, p := range s.processes[stage] {
		status, err := p.status(ctx)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", stage, err)
		}
		all = append(all, float64(status.GetCounters()["received"]))
	}
	return all, nil
}
