package e2e

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/maskline/maskline/pkg/testkit"
)

// process is one of the three programs, as an operator runs it.
type process struct {
	binary string
	env    []string
	log    *logBuffer
	cmd    *exec.Cmd
}

func (p *process) start(t *testing.T) {
	t.Helper()
	p.cmd = exec.Command(p.binary)
	p.cmd.Env = append(os.Environ(), p.env...)
	p.cmd.Stderr = p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
}

// end sends a signal and returns the exit code.
func (p *process) end(signal syscall.Signal) int {
	_ = p.cmd.Process.Signal(signal)
	_ = p.cmd.Wait()
	return p.cmd.ProcessState.ExitCode()
}

// TestProcesses runs the three programs as an operator does.
func TestProcesses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	buildPrograms(t, dir, "")
	t.Run("KillNineLosesNothingAndDoublesNothing", func(t *testing.T) { t.Parallel(); killNine(t, dir) })
	t.Run("MemoryStaysWithinTheDocumentedBound", func(t *testing.T) { t.Parallel(); memoryBound(t, dir) })
	t.Run("WrongConfigurationExitsTwoAndNamesTheSetting", func(t *testing.T) { t.Parallel(); wrongConfiguration(t, dir) })
}

// buildPrograms compiles the three programs into a folder.
func buildPrograms(t *testing.T, dir, tags string) {
	t.Helper()
	for _, name := range []string{"fetcher", "masker", "writer"} {
		build := exec.CommandContext(t.Context(), "go", "build", "-tags", tags, "-o", filepath.Join(dir, name), "./cmd/"+name)
		build.Dir = filepath.Join("..", "..", name)
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// startProcesses adds the three programs to a system that has no services of its own; more is environment by program.
func startProcesses(t *testing.T, s *system, dir string, more map[string][]string) map[string]*process {
	t.Helper()
	maskerAddress, writerAddress := freeAddress(t), freeAddress(t)
	all := map[string]*process{
		"writer":  {env: []string{"DATABASE_URL=" + s.dsn, "MASKLINE_LISTEN=" + writerAddress}},
		"masker":  {env: []string{"MASKLINE_KEY_FILE=" + s.key, "MASKLINE_WRITER_ADDRESS=" + writerAddress, "MASKLINE_LISTEN=" + maskerAddress}},
		"fetcher": {env: []string{"MASKLINE_QUEUE=" + s.queue.URL(source), "MASKLINE_WAIT_TIME=1s", "MASKLINE_MASKER_ADDRESS=" + maskerAddress, "MASKLINE_LISTEN=127.0.0.1:0"}},
	}
	for name, p := range all {
		p.binary, p.log, p.env = filepath.Join(dir, name), &logBuffer{}, append(p.env, more[name]...)
		p.start(t)
	}
	t.Cleanup(func() {
		for _, name := range []string{"fetcher", "masker", "writer"} {
			if code := all[name].end(syscall.SIGTERM); code != 0 {
				t.Errorf("%s exited with %d: %s", name, code, all[name].log)
			}
		}
	})
	return all
}

func killNine(t *testing.T, dir string) {
	t.Helper()
	const n = 10_000
	s := start(t, options{none: true, visibility: 3})
	all := startProcesses(t, s, dir, nil)
	s.send(t, 0, n)
	began := time.Now()
	for i, name := range []string{"writer", "writer", "writer", "masker", "fetcher"} {
		testkit.Eventually(t, patience, func() bool { return s.rows(t) >= (2*i+1)*n/11 }, "rows before killing the "+name)
		_, hidden, _ := s.queue.Counts(source)
		all[name].end(syscall.SIGKILL)
		t.Logf("%.1f s: killed the %s at %d rows, with %d messages in flight", time.Since(began).Seconds(), name, s.rows(t), hidden)
		all[name].start(t)
	}
	s.awaitEmpty(t)
	s.expectRows(t, n)
	if letters := s.letters(t); len(letters) != 0 {
		t.Errorf("%d dead letters", len(letters))
	}
}

func wrongConfiguration(t *testing.T, dir string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "maskline.env")
	if err := os.WriteFile(file, []byte("# comment\nMASKLINE_WAIT_TIME=30s\nMASKLINE_QUEU=x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(dir, "fetcher"), "--config", file)
	out, _ := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != 2 {
		t.Errorf("exit code %d", code)
	}
	for _, want := range []string{"maskline.env:2: MASKLINE_WAIT_TIME", "maskline.env:3: MASKLINE_QUEU", "did you mean MASKLINE_QUEUE", "MASKLINE_QUEUE: required"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
}
