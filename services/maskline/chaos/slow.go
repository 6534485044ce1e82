package chaos

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/maskline/maskline/services/maskline/traffic"
)

const mebibyte = 1 << 20

// slowRow makes every row take half a second.
const slowRow = `
CREATE FUNCTION slow_row() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.5); RETURN NEW; END $$;
CREATE TRIGGER slow_row BEFORE INSERT ON user_logins FOR EACH ROW EXECUTE FUNCTION slow_row()`

func slowWriter() Scenario {
	return Scenario{
		Number: 11, Name: "slow-database",
		Does: "bodies of a mebibyte, and a database that takes half a second for each row",
		run: func(ctx context.Context, r *Run) error {
			s, err := r.start(ctx, options{
				visibility: 10, sql: slowRow,
				env: map[string][]string{
					stageFetcher: {"MASKLINE_MAX_IN_FLIGHT_BYTES=32MiB", "GOMEMLIMIT=96MiB"},
					stageMasker:  {"MASKLINE_MAX_IN_FLIGHT_BYTES=16MiB", "GOMEMLIMIT=80MiB"},
					stageWriter:  {"MASKLINE_MAX_IN_FLIGHT_BYTES=16MiB", "GOMEMLIMIT=80MiB"},
				},
			})
			if err != nil {
				return err
			}
			messages := r.logins(pick(r, 240, 40))
			for i := range messages {
				messages[i].Body = padded(messages[i], mebibyte-4096)
			}
			if err := s.send(messages); err != nil {
				return err
			}
			if err := s.runAll(ctx); err != nil {
				return err
			}
			r.fault(Fault{What: "half a second for each row", Stage: "postgres", InFlight: s.held(ctx, s.one(stageWriter))})
			began := time.Now()
			if err := s.drained(ctx, 3*time.Minute); err != nil {
				return err
			}
			r.note("%d bodies of 1 MiB took %.0f s", len(messages), time.Since(began).Seconds())
			for _, p := range s.all() {
				peak, err := peakMemory(p.pid())
				switch {
				case errors.Is(err, errNoProc):
					r.note("the memory of processes is read from /proc, which is not here")
				case err != nil:
					return err
				default:
					atMost(r, "MiB of memory that the "+p.stage+" had, at most", peak/mebibyte, 128)
				}
			}
			exactly(r, "messages received again: their visibility was lost", s.queue.Tally(source).Again, 0)
			_, err = s.judge(ctx)
			return err
		},
	}
}

// padded adds a field that the mapping does not read.
func padded(m traffic.Message, bytes int) string {
	return `{"note":"` + strings.Repeat("x", bytes-len(m.Body)) + `",` + m.Body[1:]
}
