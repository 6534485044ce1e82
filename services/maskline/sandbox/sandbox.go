// Package sandbox is what the three services need around them, all of it on this machine: a queue with its dead-letter
// queue, a private Postgres with the mapping's table, and a key. It promises that nothing of it is reachable from
// elsewhere, and that Close leaves nothing behind but a data folder that was asked for. It never touches a queue or a
// database that it did not start.
package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/jackc/pgx/v5"

	"github.com/maskline/maskline/pkg/local/postgres"
	"github.com/maskline/maskline/pkg/local/queue"
	"github.com/maskline/maskline/services/masker/mapping"
)

// Options say what to start.
type Options struct {
	// Dir keeps key and database over restarts. Default: a temporary folder that Close removes.
	Dir string
	// Mapping is the mapping whose table is made, and MappingName how it was named.
	Mapping     *mapping.Mapping
	MappingName string
	// KeyFile is used instead of a key of the sandbox's own. Default: one is made if the mapping needs it.
	KeyFile string
	// SQL is run after the table was made. Default: nothing.
	SQL string
	// QueueListen is where the queue is served. Default: any free port.
	QueueListen string
}

// Sandbox is what was started.
type Sandbox struct {
	// Queue and DeadLetters are the two queues.
	Queue, DeadLetters *Queue
	// DSN is the database, with its password; Port is Postgres' port.
	DSN  string
	Port int
	// KeyFile is empty if the mapping needs no key.
	KeyFile string
	// Mapping is the mapping, as it was named.
	Mapping string
	// Table is the mapping's table.
	Table string

	server    *queue.Server
	cluster   *postgres.Cluster
	temporary string
}

// Start starts all of it. When it returns an error, nothing is left running.
func Start(ctx context.Context, opts Options) (_ *Sandbox, err error) {
	s := &Sandbox{KeyFile: opts.KeyFile, Mapping: opts.MappingName, Table: opts.Mapping.Table()}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close(context.WithoutCancel(ctx)))
		}
	}()
	if err = s.prepareKey(opts); err != nil {
		return nil, err
	}
	if err = s.startQueue(ctx, opts.QueueListen); err != nil {
		return nil, fmt.Errorf("queue: %w", err)
	}
	var local postgres.Options
	if opts.Dir != "" {
		local.Dir = filepath.Join(opts.Dir, "postgres")
	}
	if s.cluster, err = postgres.Start(ctx, local); err != nil {
		return nil, err
	}
	s.DSN, s.Port = s.cluster.DSN(), s.cluster.Port()
	if err = s.prepareTable(ctx, opts); err != nil {
		return nil, err
	}
	return s, nil
}

// prepareKey makes a key, unless one is given, there already, or not needed.
func (s *Sandbox) prepareKey(opts Options) error {
	dir := opts.Dir
	if dir == "" {
		var err error
		if s.temporary, err = os.MkdirTemp("", "maskline-"); err != nil {
			return err
		}
		dir = s.temporary
	} else if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // Postgres' own user must get through.
		return err
	}
	if s.KeyFile != "" || !opts.Mapping.NeedsKey() {
		return nil
	}
	s.KeyFile = filepath.Join(dir, "key.json")
	return ensureKey(s.KeyFile)
}

// Endpoint is the queue's, for AWS_ENDPOINT_URL_SQS.
func (s *Sandbox) Endpoint() string { return s.server.Endpoint() }

// Connect opens a connection to the database, for looking from outside.
func (s *Sandbox) Connect(ctx context.Context) (*pgx.Conn, error) {
	cfg, err := pgx.ParseConfig(s.DSN)
	if err != nil {
		return nil, err
	}
	cfg.DefaultQueryExecMode = pgx.QueryExecModeExec
	return pgx.ConnectConfig(ctx, cfg)
}

// Close stops everything, at once when ctx ends, and removes what was temporary. A second call does nothing.
func (s *Sandbox) Close(ctx context.Context) error {
	var errs []error
	if s.cluster != nil {
		errs = append(errs, s.cluster.Stop(ctx))
	}
	if s.server != nil {
		errs = append(errs, s.server.Close())
	}
	if s.temporary != "" {
		errs = append(errs, os.RemoveAll(s.temporary))
	}
	return errors.Join(errs...)
}
