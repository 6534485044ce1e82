package chaos

import (
	"context"
	"syscall"
	"time"

	"github.com/maskline/maskline/services/maskline/traffic"
)

// flood has a fifth of bad messages, of which a quarter is refused by Postgres alone.
var flood = traffic.Blend{Bad: 0.2, Refused: 0.25}

func poisonFlood() Scenario {
	return Scenario{
		Number: 8, Name: "poison-flood",
		Does: "a fifth of the messages are bad, a quarter of these for Postgres alone; then the same with kill -9",
		run: func(ctx context.Context, r *Run) error {
			clean, bad := traffic.Blend{Messages: pick(r, 20_000, 4000)}, flood
			bad.Messages = clean.Messages
			cleanRate, err := r.rate(ctx, clean)
			if err != nil {
				return err
			}
			malformed := bad
			malformed.Refused = 0
			malformedRate, err := r.rate(ctx, malformed)
			if err != nil {
				return err
			}
			badRate, err := r.rate(ctx, bad)
			if err != nil {
				return err
			}
			r.note("clean: %.0f messages/s; a fifth bad, all found by the masker: %.0f; a fifth bad, a quarter of these found by Postgres: %.0f",
				cleanRate, malformedRate, badRate)
			r.share("rate with a fifth bad, as a share of the clean rate", badRate/cleanRate, 0.5)
			return r.poisonAndKills(ctx)
		},
	}
}

// rate drains a full queue with one process of each stage and returns messages per second, from the moment when the
// fetcher is ready.
func (r *Run) rate(ctx context.Context, b traffic.Blend) (float64, error) {
	s, err := r.start(ctx, options{visibility: 30, sql: traffic.Constraint})
	if err != nil {
		return 0, err
	}
	messages := r.blend(b)
	if err := s.send(messages); err != nil {
		return 0, err
	}
	if err := s.runAll(ctx); err != nil {
		return 0, err
	}
	began, left := time.Now(), s.left()
	if err := s.drained(ctx, drainPatience); err != nil {
		return 0, err
	}
	rate := float64(left) / time.Since(began).Seconds()
	f, err := s.judge(ctx)
	if err != nil {
		return 0, err
	}
	bad := 0
	for _, m := range messages {
		if m.Malformed || m.Refused {
			bad++
		}
	}
	exactly(r, "bad messages that are in the dead-letter queue", f.DeadLettered, bad)
	exactly(r, "copies of them beyond the first", f.LetterCopies, 0)
	return rate, s.close()
}

// poisonAndKills counts the copies in the dead-letter queue: one more than needed for at most each message that a killed
// fetcher held.
func (r *Run) poisonAndKills(ctx context.Context) error {
	s, err := r.start(ctx, options{visibility: 5, replicas: map[string]int{stageFetcher: 2, stageMasker: 2, stageWriter: 2}, sql: traffic.Constraint})
	if err != nil {
		return err
	}
	if err := s.runAll(ctx); err != nil {
		return err
	}
	b, deaths := flood, pick(r, 30, 6)
	b.Messages = 400 * deaths
	messages, held := r.blend(b), 0
	for i := range deaths {
		if err := s.send(messages[400*i : 400*(i+1)]); err != nil {
			return err
		}
		if !sleep(ctx, time.Duration(r.upTo(200))*time.Millisecond) {
			return ctx.Err()
		}
		if f := s.hit(ctx, s.victim(ctx), syscall.SIGKILL); f.Stage == stageFetcher {
			held += int(f.InFlight)
		}
	}
	f, err := s.judge(ctx)
	if err != nil {
		return err
	}
	atMost(r, "copies in the dead-letter queue beyond the first, with kills", f.LetterCopies, held)
	return nil
}

func onePoison() Scenario {
	return Scenario{
		Number: 9, Name: "one-poison", FullOnly: true,
		Does: "one row that only Postgres refuses, in a full transaction of a thousand",
		run: func(ctx context.Context, r *Run) error {
			clean, err := r.burst(ctx, 0)
			if err != nil {
				return err
			}
			poisoned, err := r.burst(ctx, 1)
			if err != nil {
				return err
			}
			r.note("median of five bursts of 1000: clean %.0f ms, with one bad row %.0f ms", clean.Seconds()*1000, poisoned.Seconds()*1000)
			atMost(r, "time with one bad row, as a multiple of the clean time", poisoned.Seconds()/clean.Seconds(), 3)
			return nil
		},
	}
}

// burst is the median time that a thousand messages take, refused of which Postgres refuses.
func (r *Run) burst(ctx context.Context, refused int) (time.Duration, error) {
	const size, bursts = 1000, 5
	s, err := r.start(ctx, options{visibility: 30, sql: traffic.Constraint})
	if err != nil {
		return 0, err
	}
	if err := s.runAll(ctx); err != nil {
		return 0, err
	}
	var took []time.Duration
	for range bursts + 1 {
		messages := r.logins(size - refused)
		messages = append(messages, r.blend(traffic.Blend{Messages: refused, Bad: 1, Refused: 1})...)
		began := time.Now()
		if err := s.send(messages); err != nil {
			return 0, err
		}
		if err := until(ctx, time.Minute, "the burst is settled", func() bool { return s.left() == 0 }); err != nil {
			return 0, err
		}
		took = append(took, time.Since(began))
	}
	f, err := s.judge(ctx)
	if err != nil {
		return 0, err
	}
	exactly(r, "good neighbours committed", f.InTable, (size-refused)*(bursts+1))
	return median(took[1:]), s.close() // the first warms up
}
