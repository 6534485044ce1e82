// Package testkit is what tests of all modules share: leak checks, polling, a Postgres, a logger, golden files.
//
// It promises that a test process leaves nothing running. It is never imported by a program, and never sleeps for a
// fixed time.
package testkit

import (
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// Main is the body of TestMain: it runs the tests, stops what they share, fails on goroutines left over, and exits.
func Main(m *testing.M, opts ...goleak.Option) {
	postgresCluster.enable()
	goleak.VerifyTestMain(runner{m}, opts...)
}

// runner stops what tests share before goleak looks.
type runner struct{ m *testing.M }

// Run runs the tests and gives their exit code.
func (r runner) Run() int {
	code := r.m.Run()
	if err := postgresCluster.stop(); err != nil {
		fmt.Fprintln(os.Stderr, "testkit:", err)
		return max(code, 1)
	}
	return code
}

// Eventually polls cond until it holds, and fails the test when it has not within a time. Call it from the test's own
// goroutine. The pause between looks grows from 1 to 50 ms: quick for what is quick, cheap for what is not.
func Eventually(tb testing.TB, within time.Duration, cond func() bool, what string) {
	tb.Helper()
	timer := time.NewTimer(within)
	defer timer.Stop()
	for pause := time.Millisecond; !cond(); pause = min(2*pause, 50*time.Millisecond) {
		select {
		case <-timer.C:
			if !cond() {
				tb.Fatalf("not within %s: %s", within, what)
			}
			return
		case <-time.After(pause):
		}
	}
}
