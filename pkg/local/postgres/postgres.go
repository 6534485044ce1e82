// Package postgres runs a private Postgres cluster on this machine, from the server binaries that are installed.
//
// It promises a cluster that listens on loopback only, asks for a random password, is as durable as Postgres is by
// default, and does not outlive its process: a kill -9 of the process ends the server too, and what is left over is
// removed by the next Start. It never signals a process before it has seen that it is Postgres on its own folder.
package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// superuser owns the cluster, so that nothing depends on the name of the person who started it.
const superuser = "maskline"

// Options say where and how. The zero value is a throw-away cluster.
type Options struct {
	// Dir keeps the cluster over restarts. As root, it must be where an ordinary user may go, not under /root.
	// Default: a temporary folder that Stop removes.
	Dir string
	// Binaries is the folder of initdb and postgres. Default: found on PATH or in the usual places.
	Binaries string
	// Settings are given to the server, for example "max_connections": "200". Default: none, so that fsync and
	// synchronous_commit are on.
	Settings map[string]string
	// Log receives the server's log. It may quote rows of failed statements. Default: discarded.
	Log io.Writer
	// Fetch is called when no binaries are found, and returns a folder of them. Default: an error that names the
	// package to install.
	Fetch func(ctx context.Context) (binaries string, err error)
}

// Cluster is a running server. It is safe for concurrent use.
type Cluster struct {
	opts     Options
	binaries string
	account  account
	folder   *folder
	password string
	port     int

	mu      sync.Mutex
	server  *server
	stopped bool
}

// Start makes the cluster if Dir holds none, starts it, and returns when it takes connections, which is after about two
// seconds for a new one. An orphan of an earlier process in Dir is stopped first. When ctx ends before that, nothing is
// left behind.
func Start(ctx context.Context, opts Options) (*Cluster, error) {
	who, err := serverAccount()
	if err != nil {
		return nil, err
	}
	binaries, err := findBinaries(ctx, opts, who)
	if err != nil {
		return nil, err
	}
	dir, err := openFolder(opts.Dir, who)
	if err != nil {
		return nil, err
	}
	c := &Cluster{opts: opts, binaries: binaries, account: who, folder: dir}
	if err := c.boot(ctx); err != nil {
		return nil, errors.Join(err, dir.close())
	}
	return c, nil
}

// boot brings an opened folder to a server that is ready.
func (c *Cluster) boot(ctx context.Context) error {
	if err := stopOrphan(ctx, c.folder.data); err != nil {
		return err
	}
	if err := c.initialize(ctx); err != nil {
		return err
	}
	var err error
	// Somebody may take the port between our look and the server's; three in a row is something else.
	for range 3 {
		if c.port, err = freePort(); err != nil {
			return err
		}
		if c.server, err = c.launch(ctx); err == nil || !errors.Is(err, errPortTaken) {
			return err
		}
	}
	return err
}

// initialize runs initdb, unless the folder holds a cluster. It works beside the final place and moves at the end, so
// that one that was interrupted is not taken for a cluster.
func (c *Cluster) initialize(ctx context.Context) error {
	password, err := os.ReadFile(c.folder.password)
	if _, statErr := os.Stat(filepath.Join(c.folder.data, "PG_VERSION")); err == nil && statErr == nil {
		c.password = string(password)
		return nil
	} else if statErr == nil {
		return fmt.Errorf("postgres folder %s: %w", c.folder.top, err)
	}
	c.password = rand.Text()
	fresh := c.folder.data + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	if err := c.account.mkdir(fresh); err != nil {
		return err
	}
	secret := filepath.Join(c.folder.top, "initdb-password")
	defer func() { _ = os.Remove(secret) }()
	if err := c.account.writeFile(secret, c.password); err != nil {
		return err
	}
	args := []string{
		"--pgdata", fresh, "--username", superuser, "--pwfile", secret,
		"--auth", "scram-sha-256", "--encoding", "UTF8", "--no-locale",
	}
	if c.folder.temporary {
		args = append(args, "--no-sync")
	}
	cmd := c.account.command(ctx, filepath.Join(c.binaries, "initdb"), args...)
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // With the server it runs.
	cmd.WaitDelay = patience
	if out, err := cmd.CombinedOutput(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("initdb: %w: %s", err, lastLines(string(out)))
	}
	if err := os.WriteFile(c.folder.password, []byte(c.password), 0o600); err != nil {
		return err
	}
	return os.Rename(fresh, c.folder.data)
}

// DSN is the URL of the database postgres, with the password in it.
func (c *Cluster) DSN() string { return c.DatabaseDSN("postgres") }

// DatabaseDSN is the URL of another database of the cluster, which the caller has made.
func (c *Cluster) DatabaseDSN(database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(superuser, c.password),
		Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(c.port)), Path: database, RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Port is the TCP port, the same over Restart.
func (c *Cluster) Port() int { return c.port }

// Stop shuts down fast, or at once when ctx ends, and removes a temporary folder. A second call does nothing.
func (c *Cluster) Stop(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return nil
	}
	c.stopped = true
	c.server.stop(ctx, Fast)
	return c.folder.close()
}

// Halt takes the server down and keeps port and data, for tests of what happens meanwhile. A second call does nothing.
func (c *Cluster) Halt(ctx context.Context, mode Mode) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.server.stop(ctx, mode)
}

// Resume starts the server that Halt took down, and returns when it takes connections.
func (c *Cluster) Resume(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped || c.server.running() {
		return nil
	}
	for {
		s, err := c.launch(ctx)
		if err == nil {
			c.server = s
			return nil
		}
		// The backends of a killed server leave a moment later, and until then hold its memory and maybe its port.
		if !errors.Is(err, errPortTaken) && !errors.Is(err, errMemoryHeld) {
			return err
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

// Restart is Halt and Resume.
func (c *Cluster) Restart(ctx context.Context, mode Mode) error {
	c.Halt(ctx, mode)
	return c.Resume(ctx)
}

// freePort asks the kernel for a port and gives it back.
func freePort() (int, error) {
	listener, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return 0, err
	}
	address, err := netip.ParseAddrPort(listener.Addr().String())
	return int(address.Port()), errors.Join(err, listener.Close())
}

// lastLines shortens what a program said to what matters.
func lastLines(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-4):], "; ")
}
