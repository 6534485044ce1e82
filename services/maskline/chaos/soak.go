package chaos

import (
	"context"
	"errors"
	"time"
)

func soak() Scenario {
	return Scenario{
		Number: 16, Name: "soak", Deadline: 20 * time.Minute, Waits: true,
		Does: "idle for minutes, with bursts between; then a fetcher that need not keep listening drains the queue and ends",
		run: func(ctx context.Context, r *Run) error {
			s, err := r.start(ctx, options{visibility: 30, env: map[string][]string{
				stageFetcher: {"MASKLINE_WAIT_TIME=20s", "MASKLINE_SHUTDOWN_GRACE=40s"},
				stageWriter:  {"MASKLINE_CONNECTIONS=1"}, // the second is opened when it is needed first
			}})
			if err != nil {
				return err
			}
			if err := s.runAll(ctx); err != nil {
				return err
			}
			if err := s.breathe(ctx, pick(r, 30*time.Second, 5*time.Second)); err != nil { // what is made once is there then
				return err
			}
			young, err := s.measure(ctx)
			if err != nil {
				return err
			}
			for range pick(r, 9, 1) {
				if err := s.breathe(ctx, pick(r, time.Minute, 15*time.Second)); err != nil {
					return err
				}
			}
			old, err := s.measure(ctx)
			if err != nil {
				return err
			}
			for i, p := range s.all() {
				r.note("%s: %d descriptors, %d MiB; at the end %d and %d", p.stage, young[i].files, young[i].memory/mebibyte, old[i].files, old[i].memory/mebibyte)
				atMost(r, "descriptors that the "+p.stage+" has more at the end", old[i].files-young[i].files, 0)
				atMost(r, "MiB that the "+p.stage+" has more at the end", (old[i].memory-young[i].memory)/mebibyte, 24)
			}
			if err := s.goroutines(ctx); err != nil {
				return err
			}
			return s.drainMode(ctx)
		},
	}
}

// breathe sends a burst and lets the rest of a time pass idle. In a full minute of idleness it counts the calls.
func (s *System) breathe(ctx context.Context, long time.Duration) error {
	if err := s.send(s.run.logins(500)); err != nil {
		return err
	}
	if err := s.drained(ctx, drainPatience); err != nil {
		return err
	}
	idle, before := time.Now(), s.queue.Requests()["ReceiveMessage"]
	if !sleep(ctx, long) {
		return ctx.Err()
	}
	if long >= time.Minute {
		calls := float64(s.queue.Requests()["ReceiveMessage"]-before) / time.Since(idle).Minutes()
		atMost(s.run, "receives per idle minute", calls, 3)
	}
	return nil
}

// size is what a process has taken of the machine.
type size struct{ files, memory int }

func (s *System) measure(ctx context.Context) (all []size, err error) {
	for _, p := range s.all() {
		files, err := fewestFiles(ctx, p.pid())
		if errors.Is(err, errNoProc) {
			s.run.note("descriptors and memory are read from /proc, which is not here")
			return make([]size, len(s.all())), nil
		}
		memory, err2 := memoryNow(p.pid())
		if err := errors.Join(err, err2); err != nil {
			return nil, err
		}
		all = append(all, size{files, memory})
	}
	return all, nil
}

// fewestFiles is the least of several looks: a connection that is just being made or let go is no leak.
func fewestFiles(ctx context.Context, pid int) (fewest int, err error) {
	for look := range 10 {
		files, err := openFiles(pid)
		if err != nil {
			return 0, err
		}
		if look == 0 || files < fewest {
			fewest = files
		}
		if !sleep(ctx, 200*time.Millisecond) {
			return 0, ctx.Err()
		}
	}
	return fewest, nil
}

// drainMode adds a fetcher that ends when the queue is drained, and judges.
func (s *System) drainMode(ctx context.Context) error {
	old := s.one(stageFetcher)
	exactly(s.run, "fetchers that did not exit with 0 after SIGTERM", boolCount(!old.stop(true)), 0)
	if err := s.send(s.run.logins(1000)); err != nil {
		return err
	}
	address, err := freeAddress()
	if err != nil {
		return err
	}
	drainer := &Process{
		stage: stageFetcher, program: old.program, address: address, log: old.log, once: true,
		env: func() []string {
			return append(old.env(), "MASKLINE_LISTEN="+address, "MASKLINE_KEEP_LISTENING=false", "MASKLINE_WAIT_TIME=1s")
		},
	}
	s.processes[stageFetcher] = []*Process{drainer}
	drainer.run()
	if err := until(ctx, time.Minute, "the fetcher ends by itself", func() bool { return len(drainer.ended()) > 0 }); err != nil {
		return err
	}
	exactly(s.run, "exit code of the fetcher that drained the queue", drainer.ended()[0].code, 0)
	_, err = s.judge(ctx)
	return err
}

func boolCount(b bool) int {
	if b {
		return 1
	}
	return 0
}
