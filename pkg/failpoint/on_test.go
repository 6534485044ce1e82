//go:build failpoint

package failpoint

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// TestMain makes this binary a program with failpoints where a test asks for it.
func TestMain(m *testing.M) {
	if os.Getenv("MODE") != "child" {
		os.Exit(m.Run())
	}
	if err := Check(); err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	for i := range 5 {
		Hit(WriterAfterCommit, func() string { return fmt.Sprintf("row %d", i) })
		fmt.Println("past", i)
	}
	os.Exit(0)
}

// child runs this binary as that program.
func child(t *testing.T, failpoints string) (out string, state *os.ProcessState, log []line) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "log")
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "MODE=child", "FAILPOINTS="+failpoints, "FAILPOINT_LOG="+file)
	text, _ := cmd.CombinedOutput()
	written, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for one := range bytes.Lines(written) {
		var l line
		if err := json.Unmarshal(one, &l); err != nil {
			t.Fatalf("%v: %s", err, one)
		}
		log = append(log, l)
	}
	return string(text), cmd.ProcessState, log
}

func TestHit_CrashesAtTheHitAskedForAndLogsBefore(t *testing.T) {
	t.Parallel()
	out, state, log := child(t, "writer/after-commit=crash@3")
	if out != "past 0\npast 1\n" {
		t.Errorf("printed %q", out)
	}
	status := state.Sys().(syscall.WaitStatus)
	if !status.Signaled() || status.Signal() != syscall.SIGKILL {
		t.Errorf("ended with %v", state)
	}
	if len(log) != 1 || log[0].Name != WriterAfterCommit || log[0].Hit != 3 || log[0].Detail != "row 2" || log[0].PID != state.Pid() || log[0].Time.IsZero() {
		t.Errorf("log %+v", log)
	}
}

func TestHit_PausesAtEachHitAndGoesOn(t *testing.T) {
	t.Parallel()
	out, state, log := child(t, "writer/after-commit=pause:1ms@every, writer/before-commit=crash")
	if !state.Success() || !strings.HasSuffix(out, "past 4\n") || len(log) != 5 || log[4].Hit != 5 {
		t.Errorf("ended with %v, printed %q, log %+v", state, out, log)
	}
}

func TestCheck_RefusesWhatIsMalformed(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"writer/after-commit":              "NAME=ACTION",
		"writer/after-comit=crash":         "no such failpoint",
		"writer/after-commit=crush":        `action "crush"`,
		"writer/after-commit=crash@0":      `hit "0"`,
		"writer/after-commit=crash@x":      `hit "x"`,
		"writer/after-commit=pause":        `action "pause"`,
		"writer/after-commit=pause:5":      `pause "5"`,
		"writer/after-commit=pause:-1s":    `pause "-1s"`,
		"masker/after-mask=crash,nonsense": `"nonsense"`,
	} {
		if _, err := parse(text); err == nil || !strings.HasPrefix(err.Error(), "FAILPOINTS: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if out, state, _ := child(t, "nonsense"); state.ExitCode() != 2 || !strings.HasPrefix(out, "FAILPOINTS: ") {
		t.Errorf("ended with %v, printed %q", state, out)
	}
	if _, err := load("", filepath.Join(t.TempDir(), "no", "folder")); err == nil || !strings.HasPrefix(err.Error(), "FAILPOINT_LOG: ") {
		t.Errorf("a log that cannot be written: %v", err)
	}
}

func TestHit_PausesAtTheFirstHitOnlyAndAsksForNoDetailElsewhere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, err := load("masker/after-mask=pause:200ms", "")
		if err != nil {
			t.Fatal(err)
		}
		never := func() string { t.Error("detail was asked for"); return "" }
		began := time.Now()
		f.hit(FetcherBeforeSend, never)
		if took := time.Since(began); took != 0 {
			t.Errorf("another name paused for %v", took)
		}
		f.hit(MaskerAfterMask, nil)
		if took := time.Since(began); took != 200*time.Millisecond {
			t.Errorf("paused for %v", took)
		}
		f.hit(MaskerAfterMask, never)
		if took := time.Since(began); took != 200*time.Millisecond {
			t.Errorf("paused again, for %v", took)
		}
	})
}
