package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Mode is how a server goes down.
type Mode int

const (
	// Fast ends the sessions, writes a checkpoint and exits.
	Fast Mode = iota
	// Immediate exits without a checkpoint; the next start recovers from the log.
	Immediate
	// Kill is a crash: kill -9 of the server's first process.
	Kill
)

func (m Mode) signal() syscall.Signal {
	return [...]syscall.Signal{syscall.SIGINT, syscall.SIGQUIT, syscall.SIGKILL}[m]
}

var (
	errPortTaken  = errors.New("port is taken")
	errMemoryHeld = errors.New("memory of the server before is still in use")
)

const (
	pollEvery = 10 * time.Millisecond
	// patience is for a server that should be gone already.
	patience = 5 * time.Second
)

// server is one run of the postgres program, and the watchdog that ends it if we are gone.
type server struct {
	process  *os.Process
	done     chan struct{} // Closed when the program has ended.
	log      *tail
	watchdog *watchdog
}

// launch starts the program and waits until it takes connections.
func (c *Cluster) launch(ctx context.Context) (*server, error) {
	args := []string{
		"-D", c.folder.data, "-p", strconv.Itoa(c.port),
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "logging_collector=off",
	}
	for name, value := range c.opts.Settings {
		args = append(args, "-c", name+"="+value)
	}
	s := &server{done: make(chan struct{}), log: &tail{next: c.opts.Log}}
	// Not bound to ctx, which is about the start only.
	cmd := c.account.command(context.WithoutCancel(ctx), filepath.Join(c.binaries, "postgres"), args...)
	cmd.Stderr = s.log
	cmd.WaitDelay = patience // A backend that outlives the server holds the pipe.
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	s.process = cmd.Process
	go func() {
		defer close(s.done)
		_ = cmd.Wait()
	}()
	watchdog, err := c.account.watch(s.process.Pid, c.folder.data)
	if err != nil {
		s.stop(ctx, Immediate)
		return nil, err
	}
	s.watchdog = watchdog
	if err := s.ready(ctx, c.folder.data); err != nil {
		s.stop(ctx, Immediate)
		return nil, err
	}
	return s, nil
}

// ready waits for the word in the server's own pid file, as pg_ctl does.
func (s *server) ready(ctx context.Context, data string) error {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		// A file left by the server before has another pid.
		if lines := pidFile(data); len(lines) > 7 && lines[0] == strconv.Itoa(s.process.Pid) && lines[7] == "ready" {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.done:
			return s.whyNot()
		case <-ticker.C:
		}
	}
}

// whyNot reads the reason for an early end from the log.
func (s *server) whyNot() error {
	text := s.log.String()
	switch {
	case strings.Contains(text, "Address already in use"):
		return errPortTaken
	case strings.Contains(text, "shared memory block"), strings.Contains(text, "postmaster.pid\" already exists"):
		return errMemoryHeld
	default:
		return fmt.Errorf("postgres: ended at its start: %s", lastLines(text))
	}
}

// running tells whether the program has not ended.
func (s *server) running() bool {
	select {
	case <-s.done:
		return false
	default:
		return true
	}
}

// stop ends the program in the mode asked for, then harder when ctx ends, and returns when it has ended.
func (s *server) stop(ctx context.Context, mode Mode) {
	_ = s.process.Signal(mode.signal())
	select {
	case <-s.done:
	case <-ctx.Done():
		_ = s.process.Signal(syscall.SIGQUIT)
		timer := time.NewTimer(patience)
		defer timer.Stop()
		select {
		case <-s.done:
		case <-timer.C:
			_ = s.process.Kill()
			<-s.done
		}
	}
	if s.watchdog != nil {
		_ = s.watchdog.close()
		s.watchdog = nil
	}
}

// watch starts a small shell that ends the server when this process is gone. PR_SET_PDEATHSIG will not do: it fires
// when the thread that started the server ends, and Linux is alone with it. The shell waits on a pipe whose other end
// only we hold: a line means that the server has ended, the end of the pipe that we have.
func (a account) watch(pid int, data string) (*watchdog, error) {
	const script = `read -r line && exit 0
read -r owner <"$2/postmaster.pid" && [ "$owner" = "$1" ] && kill -INT "$1"`
	cmd := a.command(context.Background(), "/bin/sh", "-c", script, "watchdog", strconv.Itoa(pid), data)
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("watchdog of postgres: %w", err)
	}
	return &watchdog{in: in, cmd: cmd}, nil
}

// watchdog is the shell of watch.
type watchdog struct {
	in  io.WriteCloser
	cmd *exec.Cmd
}

// close says that the server has ended, and waits for the shell.
func (w *watchdog) close() error {
	_, err := io.WriteString(w.in, "ended\n")
	return errors.Join(err, w.in.Close(), w.cmd.Wait())
}

// pidFile reads the lines of a cluster's postmaster.pid: pid, folder, start time, port, socket folder, address, memory,
// status.
func pidFile(data string) []string {
	content, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return nil
	}
	lines := strings.Split(string(content), "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return lines
}

// stopOrphan stops the server that an earlier process of ours left behind on a folder. The caller holds the folder's
// lock, so whoever started it is gone.
func stopOrphan(ctx context.Context, data string) error {
	lines := pidFile(data)
	if len(lines) == 0 {
		return nil
	}
	pid, err := strconv.Atoi(lines[0])
	if err != nil || pid <= 1 || !isServerOn(pid, data) {
		// Left by a crash. Postgres itself refuses to start if the pid belongs to somebody else now.
		return os.Remove(filepath.Join(data, "postmaster.pid"))
	}
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT, syscall.SIGKILL} {
		if err := syscall.Kill(pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("orphaned postgres %d: %w", pid, err)
		}
		for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
			if !isServerOn(pid, data) {
				return nil
			}
			if err := pause(ctx); err != nil {
				return err
			}
		}
	}
	return fmt.Errorf("orphaned postgres %d: does not end", pid)
}

// stopOrphanBriefly is stopOrphan for housekeeping, where nobody waits for the outcome.
func stopOrphanBriefly(top string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return stopOrphan(ctx, filepath.Join(top, "data"))
}

// pause waits for one turn of a poll.
func pause(ctx context.Context) error {
	timer := time.NewTimer(pollEvery)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// isServer tells whether a command line is Postgres on a folder.
func isServer(args []string, data string) bool {
	if len(args) == 0 || !slices.Contains([]string{"postgres", "postmaster"}, filepath.Base(args[0])) {
		return false
	}
	i := slices.Index(args, "-D")
	return i > 0 && i+1 < len(args) && args[i+1] == data
}

// tail hands on a log and remembers its end, for the reason of a start that went wrong.
type tail struct {
	next io.Writer
	mu   sync.Mutex
	last bytes.Buffer
}

// Write never fails: a log that cannot be written must not block the server.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last.Len()+len(p) > 8<<10 {
		t.last.Reset()
	}
	t.last.Write(p)
	if t.next != nil {
		_, _ = t.next.Write(p)
	}
	return len(p), nil
}

// String is the end of the log.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last.String()
}
