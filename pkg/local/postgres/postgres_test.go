package postgres

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

const childDir = "MASKLINE_TEST_POSTGRES_DIR"

// TestMain lets the test binary be a process that dies with a cluster in its hands.
func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		c, err := Start(context.Background(), Options{Dir: dir})
		if err != nil {
			_, _ = fmt.Fprintln(os.Stdout, err)
			os.Exit(1)
		}
		_, _ = fmt.Fprintln(os.Stdout, c.server.process.Pid, c.server.watchdog.cmd.Process.Pid)
		select {}
	}
	goleak.VerifyTestMain(m)
}

// dir is a folder where the server's account may go: t.TempDir is closed to others.
func dir(t *testing.T) string {
	t.Helper()
	path, err := os.MkdirTemp("", "maskline-test-") //nolint:usetesting // See above.
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(path) })

	if err := os.Chmod(path, 0o711); err != nil {
		t.Fatal(err)
	}
	return path
}

func start(t *testing.T, opts Options) *Cluster {
	t.Helper()
	c, err := Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, c) })
	return c
}

func stop(t *testing.T, c *Cluster) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := c.Stop(ctx); err != nil {
		t.Error(err)
	}
}

// query asks with the client that is installed beside the server, since this module has no driver.
func query(t *testing.T, c *Cluster, dsn, sql string) (string, error) {
	t.Helper()

	out, err := exec.CommandContext(t.Context(), filepath.Join(c.binaries, "psql"), "-XAt", "-d", dsn, "-c", sql).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func mustQuery(t *testing.T, c *Cluster, sql string) string {
	t.Helper()
	out, err := query(t, c, c.DSN(), sql)
	if err != nil {
		t.Fatalf("%s: %v: %s", sql, err, out)
	}
	return out
}

func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !cond(); {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
		if err := pause(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCluster_ThrowAwayOneIsDurablePrivateAndLeavesNothing(t *testing.T) {
	t.Parallel()
	c := start(t, Options{Settings: map[string]string{"max_connections": "37"}})
	for setting, want := range map[string]string{
		"fsync": "on", "synchronous_commit": "on", "max_connections": "37",
		"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "server_encoding": "UTF8",
	} {
		if got := mustQuery(t, c, "show "+setting); got != want {
			t.Errorf("%s is %q, want %q", setting, got, want)
		}
	}
	wrong := strings.Replace(c.DSN(), c.password, "guess", 1)
	if out, err := query(t, c, wrong, "select 1"); err == nil {
		t.Errorf("a wrong password was let in: %s", out)
	}
	if group, err := syscall.Getpgid(c.server.process.Pid); err != nil || group != c.server.process.Pid {
		t.Errorf("process group %d, %v: a Ctrl-C for us would reach the server", group, err)
	}
	stop(t, c)
	if _, err := os.Stat(c.folder.top); !os.IsNotExist(err) {
		t.Errorf("folder after Stop: %v", err)
	}
	if c.server.running() {
		t.Error("server runs after Stop")
	}
}

func TestCluster_FolderKeepsDataAndPasswordAndHasOneOwner(t *testing.T) {
	t.Parallel()
	path := dir(t)
	first := start(t, Options{Dir: path})
	mustQuery(t, first, "create table kept as select 42 as n")
	if _, err := Start(t.Context(), Options{Dir: path}); err == nil || !strings.Contains(err.Error(), "in use by another process") {
		t.Fatalf("second owner: %v", err)
	}
	stop(t, first)
	second := start(t, Options{Dir: path})
	if got := mustQuery(t, second, "select n from kept"); got != "42" {
		t.Fatalf("kept %q", got)
	}
	if first.password != second.password {
		t.Fatal("another password")
	}
}

func TestCluster_ComesBackOnTheSamePortFromEveryMode(t *testing.T) {
	t.Parallel()
	c := start(t, Options{})
	dsn := c.DSN()
	mustQuery(t, c, "create table kept (n int)")
	for i, mode := range []Mode{Fast, Immediate, Kill} {
		mustQuery(t, c, "insert into kept values (1)")
		if err := c.Restart(t.Context(), mode); err != nil {
			t.Fatalf("mode %d: %v", mode, err)
		}
		if got := mustQuery(t, c, "select count(*) from kept"); got != strconv.Itoa(i+1) {
			t.Fatalf("mode %d: %s rows", mode, got)
		}
	}
	c.Halt(t.Context(), Immediate)
	if out, err := query(t, c, dsn, "select 1"); err == nil {
		t.Fatalf("halted server answers %s", out)
	}
	if err := c.Resume(t.Context()); err != nil || c.DSN() != dsn {
		t.Fatalf("resume: %v", err)
	}
	mustQuery(t, c, "select 1")
}

// doomed is a process that holds a cluster. It returns the pids of the server and its watchdog.
func doomed(t *testing.T, path string) (child *exec.Cmd, server, watchdog int) {
	t.Helper()
	child = exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), childDir+"="+path)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = child.Process.Kill(); _ = child.Wait() })
	lines := bufio.NewScanner(out)
	lines.Scan()
	if _, err := fmt.Sscan(lines.Text(), &server, &watchdog); err != nil {
		t.Fatalf("child said %q", lines.Text())
	}
	return child, server, watchdog
}

func TestCluster_KillOfItsProcessEndsTheServer(t *testing.T) {
	t.Parallel()
	path := dir(t)
	child, server, _ := doomed(t, path)
	data := filepath.Join(path, "data")
	if !isServerOn(server, data) {
		t.Fatal("no server")
	}
	_ = child.Process.Kill()
	eventually(t, "server of a killed process ends", func() bool { return !isServerOn(server, data) })
}

func TestCluster_OrphanIsStoppedByTheNextStart(t *testing.T) {
	t.Parallel()
	path := dir(t)
	child, server, watchdog := doomed(t, path)
	_ = syscall.Kill(watchdog, syscall.SIGKILL)
	_ = child.Process.Kill()
	_ = child.Wait()
	data := filepath.Join(path, "data")
	if !isServerOn(server, data) {
		t.Fatal("no orphan to stop")
	}
	c := start(t, Options{Dir: path})
	if isServerOn(server, data) {
		t.Fatal("orphan runs")
	}
	mustQuery(t, c, "select 1")
}

func TestStart_CanceledLeavesNothing(t *testing.T) {
	t.Parallel()
	path := dir(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Start(ctx, Options{Dir: path}); err == nil {
		t.Fatal("started")
	}
	if _, err := os.Stat(filepath.Join(path, "data")); !os.IsNotExist(err) {
		t.Fatalf("data folder: %v", err)
	}
	// The lock is free again.
	c := start(t, Options{Dir: path})
	mustQuery(t, c, "select 1")
}

func TestStart_BadSettingIsNamedInTheError(t *testing.T) {
	t.Parallel()
	_, err := Start(t.Context(), Options{Settings: map[string]string{"max_connections": "many"}})
	if err == nil || !strings.Contains(err.Error(), "max_connections") {
		t.Fatalf("error %v", err)
	}
}
