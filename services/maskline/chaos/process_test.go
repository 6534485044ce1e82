package chaos

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

func newProcess(t *testing.T, script string) *Process {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	p := &Process{stage: "test", program: path, env: func() []string { return []string{"X=1"} }}
	t.Cleanup(func() { p.stop(false) })
	return p
}

func TestProcess_IsStartedAgainWheneverItEnds(t *testing.T) {
	t.Parallel()
	p := newProcess(t, "exec sleep 600")
	p.run()
	for i := range 2 {
		if err := until(t.Context(), time.Minute, "runs", func() bool { return p.pid() != 0 }); err != nil {
			t.Fatal(err)
		}
		pid := p.signal(syscall.SIGKILL)
		if err := until(t.Context(), time.Minute, "ended", func() bool { return len(p.ended()) == i+1 }); err != nil {
			t.Fatal(err)
		}
		if e := p.ended()[i]; e.pid != pid || e.signal != syscall.SIGKILL {
			t.Errorf("ended %+v, killed was %d", e, pid)
		}
	}
}

func TestProcess_StopEndsItForGoodAndTellsHow(t *testing.T) {
	t.Parallel()
	for script, clean := range map[string]bool{
		"trap 'exit 0' TERM; while :; do sleep 0.01; done": true,
		"trap 'exit 3' TERM; while :; do sleep 0.01; done": false,
	} {
		p := newProcess(t, script)
		p.run()
		if err := until(t.Context(), time.Minute, "runs", func() bool { return p.pid() != 0 }); err != nil {
			t.Fatal(err)
		}
		time.Sleep(200 * time.Millisecond) // for the shell to set its trap, which nothing tells
		if got := p.stop(true); got != clean {
			t.Errorf("%q: clean %v", script, got)
		}
		if p.pid() != 0 {
			t.Error("it runs still")
		}
	}
}

func TestProcess_OneThatCannotStartIsTriedAgainSlowly(t *testing.T) {
	t.Parallel()
	p := newProcess(t, "")
	p.program = filepath.Join(t.TempDir(), "missing")
	p.run()
	began := time.Now()
	if err := until(t.Context(), time.Minute, "three tries", func() bool { return len(p.ended()) >= 3 }); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < restartPause {
		t.Errorf("three tries in %s", took)
	}
}
