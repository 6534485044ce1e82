package writer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	connectTimeout = 5 * time.Second
	// statementTimeout ends a statement that hangs; lockTimeout is well below it, so that a wait for a lock shows as one.
	statementTimeout = 20 * time.Second
	lockTimeout      = 5 * time.Second
	// answerTimeout is for a database that is gone without a word. It leaves Postgres the time to answer first.
	answerTimeout = statementTimeout + 5*time.Second
)

var errReadOnly = errors.New("the database is read-only: make it writable, or point DATABASE_URL at the primary")

// database opens sessions that are fit to commit. Safe for concurrent use.
type database struct {
	config *pgx.ConnConfig
	log    *slog.Logger
	warned sync.Once
}

// newDatabase reads a DSN; an empty one leaves everything to PG* variables. The error repeats no password.
func newDatabase(dsn string, log *slog.Logger) (*database, error) {
	cfg, err := parseDSN(dsn)
	if err != nil {
		return nil, err
	}
	if cfg.ConnectTimeout == 0 || cfg.ConnectTimeout > connectTimeout {
		cfg.ConnectTimeout = connectTimeout
	}
	// Rows written to a standby would be refused one by one; a multi-host DSN finds the primary this way.
	cfg.ValidateConnect = readWrite
	return &database{config: cfg, log: log}, nil
}

// errDSN quotes nothing: a malformed DSN has its password anywhere, and so have the parser's own errors.
var errDSN = errors.New("cannot be read: postgres://user:password@host:5432/database?sslmode=verify-full, or " +
	"host=… key=value pairs; PG* variables count too")

// parseDSN reads a DSN as libpq does, PG* variables included.
func parseDSN(dsn string) (*pgx.ConnConfig, error) {
	cfg, err := pgx.ParseConfig(dsn)
	if file := (*fs.PathError)(nil); errors.As(err, &file) {
		return nil, fmt.Errorf("DATABASE_URL: %w", file)
	} else if err != nil {
		return nil, fmt.Errorf("DATABASE_URL: %w", errDSN)
	}
	cfg.RuntimeParams["application_name"] = "maskline-writer"
	cfg.RuntimeParams["timezone"] = "UTC"
	cfg.RuntimeParams["client_encoding"] = "UTF8"
	// Nothing here runs often enough to be worth a cache, and a cached plan outlives the table it was made for.
	cfg.DefaultQueryExecMode = pgx.QueryExecModeExec
	cfg.StatementCacheCapacity, cfg.DescriptionCacheCapacity = 0, 0
	return cfg, nil
}

func readWrite(ctx context.Context, conn *pgconn.PgConn) error {
	result := conn.ExecParams(ctx, "SHOW transaction_read_only", nil, nil, nil, nil).Read()
	if result.Err != nil {
		return result.Err
	}
	if len(result.Rows) == 1 && string(result.Rows[0][0]) == "on" {
		return errReadOnly
	}
	return nil
}

// address is what log lines call the database.
func (d *database) address() string {
	addresses := []string{net.JoinHostPort(d.config.Host, strconv.Itoa(int(d.config.Port)))}
	for _, f := range d.config.Fallbacks {
		a := net.JoinHostPort(f.Host, strconv.Itoa(int(f.Port)))
		if a != addresses[len(addresses)-1] {
			addresses = append(addresses, a)
		}
	}
	return strings.Join(addresses, ",")
}

// name is the database's, which defaults to the user's.
func (d *database) name() string { return cmp.Or(d.config.Database, d.config.User) }

// open connects and makes the session durable.
func (d *database) open(ctx context.Context) (*session, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, d.config)
	if err != nil {
		return nil, &ConnectTrouble{Address: d.address(), Cause: err}
	}
	timeout, err := d.prepareSession(ctx, conn)
	if err != nil {
		closeQuietly(conn)
		return nil, &ConnectTrouble{Address: d.address(), Cause: err}
	}
	return &session{conn: conn, timeout: timeout, plans: map[string]*prepared{}}, nil
}

// sessionQuery pins synchronous_commit in the session, also where it is strict already: without that a reload of the
// server's configuration could loosen it under a running session. A stricter role's timeouts are kept.
const sessionQuery = `
SELECT set_config('synchronous_commit',
           CASE WHEN current_setting('synchronous_commit') = 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false),
       set_config('statement_timeout', s.statement::text, false),
       set_config('lock_timeout', least(s.lock, $2::int8, s.statement / 2)::text, false),
       current_setting('fsync'), s.statement
FROM (SELECT least(max(nullif(setting::int8, 0)) FILTER (WHERE name = 'statement_timeout'), $1::int8) AS statement,
             max(nullif(setting::int8, 0)) FILTER (WHERE name = 'lock_timeout') AS lock
      FROM pg_settings WHERE name IN ('statement_timeout', 'lock_timeout')) s`

func (d *database) prepareSession(ctx context.Context, conn *pgx.Conn) (timeout time.Duration, err error) {
	var set, statement, lock, fsync string
	var milliseconds int64
	err = conn.QueryRow(ctx, sessionQuery, statementTimeout.Milliseconds(), lockTimeout.Milliseconds()).
		Scan(&set, &statement, &lock, &fsync, &milliseconds)
	if err != nil {
		return 0, err
	}
	// Read back in a statement of its own: something between us and Postgres may have dropped the setting.
	var effective string
	if err := conn.QueryRow(ctx, "SHOW synchronous_commit").Scan(&effective); err != nil {
		return 0, err
	}
	if effective != "on" && effective != "remote_apply" {
		return 0, fmt.Errorf("synchronous_commit is %s and cannot be set to on: connect without a pooler that drops SET",
			effective)
	}
	if fsync == "off" {
		d.warned.Do(func() {
			d.log.WarnContext(ctx, "fsync is off: a crash of the database's machine loses rows that were settled")
		})
	}
	return time.Duration(milliseconds) * time.Millisecond, nil
}

// closeQuietly ends a session whose fate no longer matters.
func closeQuietly(conn *pgx.Conn) {
	if conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = conn.Close(ctx)
	select {
	case <-conn.PgConn().CleanupDone():
	case <-ctx.Done():
	}
}
