package chaos

import (
	"context"
	"fmt"
	"time"

	"github.com/maskline/maskline/pkg/local/queue"
)

func queueFaults() Scenario {
	return Scenario{
		Number: 5, Name: "queue-faults",
		Does: "the queue answers 20 % of all requests with a 5xx, throttles 20 %, loses 5 % of the answers and delivers twice",
		run: func(ctx context.Context, r *Run) error {
			clean, calls, err := r.against(ctx, nil)
			if err != nil {
				return err
			}
			faulty, more, err := r.against(ctx, queue.Faults{
				{Kind: queue.Status500, Probability: 0.2},
				{Kind: queue.Throttle, Probability: 0.2},
				{Kind: queue.LostResponse, Probability: 0.05},
				{Action: "ReceiveMessage", Kind: queue.Duplicate, Probability: 0.02},
			})
			if err != nil {
				return err
			}
			r.note("clean: %.0f messages/s with %.2f requests per message; faulty: %.0f messages/s with %.2f", clean, calls, faulty, more)
			r.share("rate under faults, as a share of the clean rate", faulty/clean, 0.6)
			atMost(r, "requests per message, as a multiple of the clean ones", more/calls, 2)
			return nil
		},
	}
}

// against measures, with a backlog that does not end, messages per second and requests per message under faults. Sixteen
// pollers are enough for the processor to be the limit of the clean run.
func (r *Run) against(ctx context.Context, faults queue.Faults) (rate, requests float64, err error) {
	s, err := r.start(ctx, options{visibility: 5, env: map[string][]string{stageFetcher: {"MASKLINE_POLLERS=16"}}})
	if err != nil {
		return 0, 0, err
	}
	if err := s.runAll(ctx); err != nil {
		return 0, 0, err
	}
	s.queue.SetFaults(faults)
	stop := s.backlog(ctx, 3000)
	if !sleep(ctx, 3*time.Second) { // for the pauses to find their length
		return 0, 0, ctx.Err()
	}
	began, rows, sent := time.Now(), s.rows(ctx), s.requests()
	if !sleep(ctx, pick(r, 20*time.Second, 6*time.Second)) {
		return 0, 0, ctx.Err()
	}
	took, done, calls := time.Since(began), s.rows(ctx)-rows, s.requests()-sent
	if err := stop(); err != nil {
		return 0, 0, err
	}
	fired := s.queue.FaultCounts()
	for _, kind := range faultKinds(faults) {
		r.fault(Fault{What: fmt.Sprintf("%s: %d times", kind, fired[kind]), Stage: "queue"})
		atLeast(r, "times that it answered with "+kind.String(), fired[kind], 10)
	}
	s.queue.SetFaults(nil)
	if _, err := s.judge(ctx); err != nil {
		return 0, 0, err
	}
	return float64(done) / took.Seconds(), float64(calls) / float64(max(done, 1)), s.close()
}

func faultKinds(faults queue.Faults) (kinds []queue.Kind) {
	for _, f := range faults {
		kinds = append(kinds, f.Kind)
	}
	return kinds
}

// backlog keeps at least so many messages visible until the function that it returns is called.
func (s *System) backlog(ctx context.Context, least int) (stop func() error) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() {
		for sleep(ctx, 20*time.Millisecond) {
			if visible, _, _ := s.queue.Counts(source); visible >= least {
				continue
			}
			if err := s.send(s.run.logins(least)); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	return func() error {
		cancel()
		return <-done
	}
}

func (s *System) requests() (n int) {
	for _, times := range s.queue.Requests() {
		n += times
	}
	return n
}

func deleteFaults() Scenario {
	return Scenario{
		Number: 6, Name: "delete-faults",
		Does: "a quarter of the entries of deletes fail, and others succeed without effect because their handles are stale",
		run: func(ctx context.Context, r *Run) error {
			const visibility = 5
			s, err := r.start(ctx, options{visibility: visibility, queue: queue.Options{Faults: queue.Faults{
				// Half of the entries of every other call. Of a call with one entry it is that one.
				{Action: "DeleteMessageBatch", Kind: queue.PartialFailure, Every: 2, Fraction: 0.5},
				{Action: "DeleteMessageBatch", Kind: queue.StaleHandle, Every: 7, Fraction: 0.3},
				{Action: "ReceiveMessage", Kind: queue.Duplicate, Every: 20},
			}}})
			if err != nil {
				return err
			}
			if err := s.runAll(ctx); err != nil {
				return err
			}
			wait := s.flow(ctx, r.logins(pick(r, 10_000, 2000)), pick(r, 20*time.Second, 5*time.Second))
			if err := wait(); err != nil {
				return err
			}
			began := time.Now()
			if err := s.drained(ctx, drainPatience); err != nil {
				return err
			}
			// A delete without effect is found out when the message comes back, which its visibility timeout decides; some
			// come back more than once.
			atMost(r, "seconds until all were deleted", seconds(time.Since(began)), 4*visibility)
			fired := s.queue.FaultCounts()
			for _, kind := range []queue.Kind{queue.PartialFailure, queue.StaleHandle, queue.Duplicate} {
				atLeast(r, "times that it answered with "+kind.String(), fired[kind], 5)
			}
			_, err = s.judge(ctx)
			return err
		},
	}
}

func clockJumps() Scenario {
	return Scenario{
		Number: 15, Name: "clock", FullOnly: true,
		Does: "the queue's clock jumps an hour ahead and an hour back, and COMMIT takes up to half a second",
		run: func(ctx context.Context, r *Run) error {
			clock := &clock{}
			s, err := r.start(ctx, options{visibility: 5, queue: queue.Options{Now: clock.now}, sql: slowCommit})
			if err != nil {
				return err
			}
			if err := s.runAll(ctx); err != nil {
				return err
			}
			r.note("slow COMMIT stands for slow fsync: a deferred trigger sleeps 50 to 500 ms, as no disk here can be made slow")
			stop := s.feed(ctx, 200)
			for _, by := range []time.Duration{time.Hour, -time.Hour, -time.Hour, time.Hour} {
				if _, err := s.flows(ctx); err != nil {
					return err
				}
				r.fault(Fault{What: "clock of the queue jumps by " + by.String(), Stage: stageFetcher, PID: s.one(stageFetcher).pid(), InFlight: s.held(ctx, s.one(stageFetcher))})
				clock.jump(by)
				if !sleep(ctx, pick(r, 8*time.Second, 2*time.Second)) {
					return ctx.Err()
				}
			}
			if err := stop(); err != nil {
				return err
			}
			_, err = s.judge(ctx)
			return err
		},
	}
}

// slowCommit makes COMMIT slow, once per transaction.
const slowCommit = `
CREATE FUNCTION slow_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	IF current_setting('maskline.slept', true) IS DISTINCT FROM txid_current()::text THEN
		PERFORM set_config('maskline.slept', txid_current()::text, true);
		PERFORM pg_sleep(0.05 + 0.45 * random());
	END IF;
	RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER slow_commit AFTER INSERT ON user_logins DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW EXECUTE FUNCTION slow_commit()`
