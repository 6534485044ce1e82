package chaos

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// trouble is something that a person must mend.
type trouble struct {
	what        string
	cause, mend func(ctx context.Context, s *System) error
	// reason is part of what the fetcher says then.
	reason string
}

// troubledHold is the most messages that the fetcher of a troubled system may hold.
const troubledHold = 500

// partitioned makes the table one that is partitioned by event id, with one partition for all.
const partitioned = `
ALTER TABLE user_logins RENAME TO plain;
CREATE TABLE user_logins (LIKE plain) PARTITION BY RANGE (event_id);
CREATE UNIQUE INDEX ON user_logins (event_id);
CREATE TABLE user_logins_all PARTITION OF user_logins FOR VALUES FROM (MINVALUE) TO (MAXVALUE);
DROP TABLE plain`

func bySQL(sql string) func(context.Context, *System) error {
	return func(ctx context.Context, s *System) error {
		for statement := range strings.SplitSeq(sql, ";") {
			if err := s.exec(ctx, statement); err != nil { // ALTER SYSTEM wants to be alone
				return err
			}
		}
		return nil
	}
}

func databaseTroubles() Scenario {
	return Scenario{
		Number: 10, Name: "database-trouble",
		Does: "the database is read-only, then without the table, then without the partition, each for half a minute under load",
		run: func(ctx context.Context, r *Run) error {
			return r.troubled(ctx, options{visibility: 5, sql: partitioned}, []trouble{
				{
					what:   "database read-only",
					cause:  bySQL("ALTER SYSTEM SET default_transaction_read_only = on; SELECT pg_reload_conf()"),
					mend:   bySQL("ALTER SYSTEM RESET default_transaction_read_only; SELECT pg_reload_conf()"),
					reason: "read-only",
				},
				{
					what: "table missing", reason: "user_logins",
					cause: bySQL("ALTER TABLE user_logins RENAME TO elsewhere"), mend: bySQL("ALTER TABLE elsewhere RENAME TO user_logins"),
				},
				{
					what: "partition missing", reason: "create the partition",
					cause: bySQL("ALTER TABLE user_logins DETACH PARTITION user_logins_all"),
					mend:  bySQL("ALTER TABLE user_logins ATTACH PARTITION user_logins_all FOR VALUES FROM (MINVALUE) TO (MAXVALUE)"),
				},
			})
		},
	}
}

func diskFull() Scenario {
	return Scenario{
		Number: 10, Name: "disk-full",
		Does: "the table's disk, a small tmpfs, is filled up until Postgres answers 53100, and emptied again",
		run: func(ctx context.Context, r *Run) error {
			if !canMount() {
				r.skip("mounting a tmpfs needs root on Linux")
				return nil
			}
			o := options{visibility: 5}
			o.afterStart = func(ctx context.Context, s *System) error { return s.tableOnSmallDisk(ctx) }
			return r.troubled(ctx, o, []trouble{{
				what: "disk full", reason: "disk is full",
				cause: func(_ context.Context, s *System) error { return s.disk.fill() },
				mend:  func(_ context.Context, s *System) error { return s.disk.empty() },
			}})
		},
	}
}

// troubled runs a system through troubles: each must hold the work with its reason, dead-letter nothing, and be over soon
// after it is mended.
func (r *Run) troubled(ctx context.Context, o options, all []trouble) error {
	o.env = map[string][]string{stageFetcher: {fmt.Sprintf("MASKLINE_MAX_IN_FLIGHT=%d", troubledHold)}}
	s, err := r.start(ctx, o)
	if err != nil {
		return err
	}
	if err := s.runAll(ctx); err != nil {
		return err
	}
	stop := s.feed(ctx, 200)
	for _, t := range all {
		if err := s.suffer(ctx, t, pick(r, 30*time.Second, 4*time.Second)); err != nil {
			return err
		}
	}
	if err := stop(); err != nil {
		return err
	}
	_, err = s.judge(ctx)
	return err
}

func (s *System) suffer(ctx context.Context, t trouble, long time.Duration) error {
	r, p := s.run, s.one(stageWriter)
	if _, err := s.flows(ctx); err != nil {
		return err
	}
	r.fault(Fault{What: t.what, Stage: "postgres", InFlight: s.held(ctx, p)})
	if err := t.cause(ctx, s); err != nil {
		return err
	}
	var said string
	err := until(ctx, time.Minute, "the fetcher says why it holds", func() bool {
		status, err := s.one(stageFetcher).status(ctx)
		if err == nil && !status.GetReady() {
			said = status.GetReason()
		}
		return strings.Contains(said, t.reason)
	})
	r.note("%s: the fetcher said: %s", t.what, said)
	if err != nil {
		return err
	}
	if !sleep(ctx, long) {
		return ctx.Err()
	}
	visible, hidden, _ := s.queue.Counts(deadLetters)
	exactly(r, t.what+": messages dead-lettered", visible+hidden, 0)
	atMost(r, t.what+": messages that the fetcher took and holds", int(s.one(stageFetcher).holds(ctx)), troubledHold)
	if err := t.mend(ctx, s); err != nil {
		return err
	}
	took, err := s.flows(ctx)
	atMost(r, t.what+": seconds from mending until rows were written", seconds(took), 5)
	return err
}
