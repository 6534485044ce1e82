package lifecycle

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"
)

// TestMain lets the test binary be its own child: signals and exit codes are only real in a real process.
func TestMain(m *testing.M) {
	switch os.Getenv("MASKLINE_TEST_CHILD") {
	case "obedient":
		Main(func(ctx context.Context) error {
			_, _ = fmt.Fprintln(os.Stdout, "ready")
			<-ctx.Done()
			_, _ = fmt.Fprintln(os.Stdout, "cause", context.Cause(ctx))
			return ctx.Err()
		})
	case "stubborn":
		Main(func(ctx context.Context) error {
			_, _ = fmt.Fprintln(os.Stdout, "ready")
			<-ctx.Done()
			_, _ = fmt.Fprintln(os.Stdout, "cause", context.Cause(ctx))
			select {}
		})
	case "misconfigured":
		Main(func(context.Context) error { return &ExitError{Code: 2, Err: errors.New("queue: required")} })
	}
	goleak.VerifyTestMain(m)
}

// child is a running copy of the test binary whose lines can be awaited.
type child struct {
	*exec.Cmd
	lines  *bufio.Scanner
	stderr *strings.Builder
}

func start(t *testing.T, role string) *child {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "MASKLINE_TEST_CHILD="+role)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c := &child{Cmd: cmd, lines: bufio.NewScanner(out), stderr: &strings.Builder{}}
	cmd.Stderr = c.stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return c
}

func (c *child) expect(t *testing.T, line string) {
	t.Helper()
	if !c.lines.Scan() || c.lines.Text() != line {
		t.Fatalf("child said %q, want %q", c.lines.Text(), line)
	}
}

func (c *child) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := c.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

func (c *child) exit(t *testing.T, code int) {
	t.Helper()
	_ = c.Wait()
	if got := c.ProcessState.ExitCode(); got != code {
		t.Fatalf("exit code %d, want %d; stderr: %s", got, code, c.stderr)
	}
}

func TestMain_FirstSignalEndsTheContextAndTheExitCodeIsZero(t *testing.T) {
	t.Parallel()
	c := start(t, "obedient")
	c.expect(t, "ready")
	c.signal(t, syscall.SIGTERM)
	c.expect(t, "cause signal: terminated")
	c.exit(t, 0)
}

func TestMain_SecondSignalEndsTheProcessAtOnce(t *testing.T) {
	t.Parallel()
	c := start(t, "stubborn")
	c.expect(t, "ready")
	c.signal(t, syscall.SIGTERM)
	c.expect(t, "cause signal: terminated")
	c.signal(t, syscall.SIGINT)
	c.exit(t, ExitInterrupted)
}

func TestMain_ErrorChoosesTheExitCodeAndIsOneLine(t *testing.T) {
	t.Parallel()
	c := start(t, "misconfigured")
	c.exit(t, 2)
	if got := c.stderr.String(); got != "queue: required\n" {
		t.Fatalf("stderr %q", got)
	}
}

type coded struct{ code int }

func (coded) Error() string   { return "coded" }
func (c coded) ExitCode() int { return c.code }

func TestFinish_ByKindOfError(t *testing.T) {
	t.Parallel()
	signaled, cancel := context.WithCancelCause(t.Context())
	cancel(SignalError{Signal: syscall.SIGTERM})
	killed := exec.CommandContext(t.Context(), os.Args[0], "-no-such-flag")
	killed.Stdout, killed.Stderr = io.Discard, io.Discard
	childErr := killed.Run()
	for name, c := range map[string]struct {
		ctx  context.Context //nolint:containedctx // Data of a table.
		err  error
		code int
		text string
	}{
		"nothing":              {t.Context(), nil, 0, ""},
		"plain":                {t.Context(), errors.New("queue: gone"), 1, "queue: gone\n"},
		"wrapped":              {t.Context(), fmt.Errorf("fetcher: %w", coded{3}), 3, "fetcher: coded\n"},
		"zero says nothing":    {t.Context(), coded{0}, 0, ""},
		"exit error, no text":  {t.Context(), &ExitError{Code: 3}, 3, ""},
		"canceled by a signal": {signaled, context.Canceled, 0, ""},
		"canceled by nobody":   {t.Context(), context.Canceled, 1, "context canceled\n"},
		"a child's code":       {t.Context(), childErr, 1, childErr.Error() + "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stderr strings.Builder
			if code := finish(c.ctx, c.err, &stderr); code != c.code || stderr.String() != c.text {
				t.Fatalf("code %d, stderr %q; want %d, %q", code, stderr.String(), c.code, c.text)
			}
		})
	}
}
