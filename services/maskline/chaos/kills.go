package chaos

import (
	"context"
	"syscall"
	"time"
)

// slowedRow makes every row take some tenths of a millisecond. Without it a fast machine is done with the messages of one
// kill before the next, and kills processes that hold nothing.
const slowedRow = `
CREATE FUNCTION slowed_row() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.0002); RETURN NEW; END $$;
CREATE TRIGGER slowed_row BEFORE INSERT ON user_logins FOR EACH ROW EXECUTE FUNCTION slowed_row()`

func kills() Scenario {
	return Scenario{
		Number: 1, Name: "kills",
		Does: "kill -9 of a random process, again and again, while messages flow into a slowed table; two processes of each stage, started again at once",
		run: func(ctx context.Context, r *Run) error {
			messages, deaths := pick(r, 100_000, 24_000), pick(r, 200, 24)
			s, err := r.start(ctx, options{
				visibility: 5, sql: slowedRow, replicas: map[string]int{stageFetcher: 2, stageMasker: 2, stageWriter: 2},
			})
			if err != nil {
				return err
			}
			if err := s.runAll(ctx); err != nil {
				return err
			}
			traffic, loaded := r.logins(messages), 0
			for i := range deaths {
				// Traffic keeps step with the kills, so that it flows until the last.
				if err := s.send(traffic[messages*i/deaths : messages*(i+1)/deaths]); err != nil {
					return err
				}
				if !sleep(ctx, time.Duration(r.upTo(200))*time.Millisecond) {
					return ctx.Err()
				}
				if s.hit(ctx, s.victim(ctx), syscall.SIGKILL).InFlight > 0 {
					loaded++
				}
			}
			atLeast(r, "kills of a process that held messages", loaded, pick(r, deaths*3/4, deaths/3))
			_, err = s.judge(ctx)
			return err
		},
	}
}

// victim picks a random stage and of it a random process, and waits a moment for one that holds something: a kill of an
// idle process shows nothing.
func (s *System) victim(ctx context.Context) *Process {
	of := s.processes[stages[s.run.upTo(len(stages))]]
	first := s.run.upTo(len(of))
	_ = until(ctx, 2*time.Second, "a process that holds messages", func() bool {
		for i := range of {
			if p := of[(first+i)%len(of)]; p.holds(ctx) > 0 {
				first = (first + i) % len(of)
				return true
			}
		}
		return false
	})
	return of[first]
}
