// Package lifecycle runs a process from its first signal to its exit code, and several services in one process.
//
// It promises that services stop in the reverse order of their adding, one after the other, so that what takes stops
// before what it hands on to; and that a second signal ends the process at once. It never exits but in Main.
package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/maskline/maskline/pkg/failpoint"
)

// Exit codes beside 0.
const (
	// ExitFailed is trouble at run time, and any error that chooses no code.
	ExitFailed = 1
	// ExitUsage is a configuration or command line that no restart will mend.
	ExitUsage = 2
	// ExitInterrupted is the end by a second signal: what was in flight is left to the queue's visibility timeout.
	ExitInterrupted = 130
)

// ExitError is an error with the exit code that it calls for. A nil Err prints nothing.
type ExitError struct {
	// Code is the exit code.
	Code int
	// Err is printed on stderr.
	Err error
}

// Exit gives an error an exit code.
func Exit(code int, err error) error { return &ExitError{Code: code, Err: err} }

// Error is the cause's text.
func (e *ExitError) Error() string {
	if e.Err == nil {
		return ""
	}
	return e.Err.Error()
}

// Unwrap is the cause.
func (e *ExitError) Unwrap() error { return e.Err }

// ExitCode is the code.
func (e *ExitError) ExitCode() int { return e.Code }

// Code is the exit code for an error: its own if it, or what it wraps, has a method ExitCode, else ExitFailed; 0 for
// nil.
func Code(err error) int {
	if err == nil {
		return 0
	}
	if code, ok := ownCode(err); ok {
		return code
	}
	return ExitFailed
}

// HasCode says whether an error knows its exit code, which means that trying again is of no use.
func HasCode(err error) bool {
	_, ok := ownCode(err)
	return ok
}

func ownCode(err error) (code int, ok bool) {
	var coded interface {
		error
		ExitCode() int
	}
	// The exit code of a child process is not ours.
	if _, child := errors.AsType[*exec.ExitError](err); child || !errors.As(err, &coded) {
		return 0, false
	}
	return coded.ExitCode(), true
}

// SignalError is the cause (context.Cause) of a context that a signal has ended.
type SignalError struct {
	// Signal is the signal.
	Signal os.Signal
}

// Error names the signal.
func (s SignalError) Error() string { return "signal: " + s.Signal.String() }

// Main runs a program to its end and exits with Code of its error. The first SIGTERM, SIGINT or, unless it is ignored,
// SIGHUP ends the context given to run; a second one exits at once. An error is printed on stderr as it is; one whose
// exit code is 0 is not printed. A run that answers a signal with context.Canceled has ended well.
func Main(run func(ctx context.Context) error) {
	signals := make(chan os.Signal, 2) // The one that stops and the one that ends at once.
	watched := []os.Signal{syscall.SIGTERM, syscall.SIGINT}
	if !signal.Ignored(syscall.SIGHUP) {
		watched = append(watched, syscall.SIGHUP)
	}
	signal.Notify(signals, watched...)
	ctx, cancel := context.WithCancelCause(context.Background())
	go func() {
		cancel(SignalError{Signal: <-signals})
		<-signals
		os.Exit(ExitInterrupted)
	}()
	if err := failpoint.Check(); err != nil {
		os.Exit(finish(ctx, Exit(ExitUsage, err), os.Stderr))
	}
	os.Exit(finish(ctx, run(ctx), os.Stderr))
}

// finish prints what there is to say about the end of a program and chooses its exit code.
func finish(ctx context.Context, err error, stderr io.Writer) int {
	signalErr := SignalError{}
	if errors.As(context.Cause(ctx), &signalErr) && errors.Is(err, context.Canceled) && !HasCode(err) {
		return 0
	}
	code := Code(err)
	if code != 0 && err.Error() != "" {
		_, _ = fmt.Fprintln(stderr, err)
	}
	return code
}
