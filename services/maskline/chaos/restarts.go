package chaos

import (
	"context"
	"time"

	"github.com/maskline/maskline/pkg/local/postgres"
)

func postgresRestarts() Scenario {
	return Scenario{
		Number: 3, Name: "postgres-restarts",
		Does: "Postgres is restarted under load: fast, immediate and by kill -9 in turn, down for up to two seconds",
		run: func(ctx context.Context, r *Run) error {
			s, err := r.start(ctx, options{visibility: 5, replicas: map[string]int{stageWriter: 2}})
			if err != nil {
				return err
			}
			if err := s.runAll(ctx); err != nil {
				return err
			}
			stop := s.feed(ctx, 400)
			var slowest, total time.Duration
			times := pick(r, 10, 3)
			for i := range times {
				took, err := s.restartPostgres(ctx, []postgres.Mode{postgres.Fast, postgres.Immediate, postgres.Kill}[i%3])
				if err != nil {
					return err
				}
				slowest, total = max(slowest, took), total+took
			}
			if err := stop(); err != nil {
				return err
			}
			r.note("rows were written again %.2f s after Postgres took connections, on average of %d restarts", total.Seconds()/float64(times), times)
			// A second is the most that a writer waits between two tries.
			atMost(r, "seconds until rows were written again, slowest", seconds(slowest), pick(r, 2.0, 10))
			_, err = s.judge(ctx)
			return err
		},
	}
}

// restartPostgres waits for rows to flow, takes Postgres down and up again, and returns how long it took from then until
// rows were written.
func (s *System) restartPostgres(ctx context.Context, mode postgres.Mode) (time.Duration, error) {
	if _, err := s.flows(ctx); err != nil {
		return 0, err
	}
	f := Fault{What: "Postgres down: " + [...]string{"fast", "immediate", "kill -9"}[mode], Stage: "postgres"}
	for _, p := range s.processes[stageWriter] {
		f.InFlight += p.holds(ctx)
	}
	s.run.fault(f)
	s.pg.Halt(ctx, mode)
	if !sleep(ctx, time.Duration(s.run.upTo(2000))*time.Millisecond) {
		return 0, ctx.Err()
	}
	if err := s.pg.Resume(ctx); err != nil {
		return 0, err
	}
	return s.flows(ctx)
}

// flows waits until the table has grown, and returns how long that took.
func (s *System) flows(ctx context.Context) (time.Duration, error) {
	began, before := time.Now(), -1
	err := until(ctx, time.Minute, "rows are written", func() bool {
		now := s.rows(ctx)
		if before < 0 {
			before = now
			return false
		}
		return now > before
	})
	return time.Since(began), err
}
