package writer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	writerv1 "github.com/maskline/maskline/proto/gen/maskline/writer/v1"
	"github.com/maskline/maskline/services/writer/migrations"
)

const (
	builtInTable = "user_logins"
	historyTable = "maskline_migrations"
	// migrationLock is any number that nobody else uses: the first bytes of "maskline".
	migrationLock = 0x6d61736b6c696e65
	// connectPatience is how long a command that must end waits for the database.
	connectPatience = 30 * time.Second
	lockEvery       = 100 * time.Millisecond
)

var (
	// ErrNotApplied says that a plan was printed and waits for MigrateOptions.Apply.
	ErrNotApplied = errors.New("migrate: nothing was changed: run again with --apply to carry the plan out")
	// ErrBlocked says that a person must decide something first; what, was printed.
	ErrBlocked = errors.New("migrate: nothing was changed")
)

// MigrateOptions say what to bring into shape.
type MigrateOptions struct {
	// Schema is the mapping's. Default: that of the built-in table user_logins.
	Schema *writerv1.Schema
	// Apply carries out a plan for a table that the migrations did not make. Default: it is only printed.
	Apply bool
}

// Migrate makes a table fit for a schema. The built-in table user_logins is made at once where there is none, and kept
// up to date afterwards. Any other table, and a user_logins that somebody else made, is checked first; what it lacks is
// printed to out, and done only with Apply. It is safe to run twice, and in several places at a time.
func Migrate(ctx context.Context, dsn string, opts MigrateOptions, out io.Writer) error {
	cfg, err := parseDSN(dsn)
	if err != nil {
		return err
	}
	schema := opts.Schema
	if schema == nil {
		schema = builtInSchema()
	}
	s, err := NewShape(schema)
	if err != nil {
		return err
	}
	db, err := connectPatiently(ctx, cfg, out)
	if err != nil {
		return err
	}
	defer closeQuietly(db)
	if err := takeLock(ctx, db); err != nil {
		return fmt.Errorf("migrate: lock: %w", err)
	}
	if s.table == builtInTable {
		if err := migrateBuiltIn(ctx, cfg, db, out); err != nil {
			return fmt.Errorf("migrate: %w", err)
		}
	}
	return adopt(ctx, db, s, opts.Apply, out)
}

// builtInSchema is what migrations/ makes, as the built-in mapping writes it.
func builtInSchema() *writerv1.Schema {
	text := writerv1.ColumnType_COLUMN_TYPE_TEXT
	return &writerv1.Schema{
		MappingHash: make([]byte, hashSize), Table: builtInTable,
		Columns: []*writerv1.Column{
			{Name: "user_id", Type: text}, {Name: "device_type", Type: text}, {Name: "masked_ip", Type: text},
			{Name: "masked_device_id", Type: text}, {Name: "locale", Type: text},
			{Name: "app_version", Type: writerv1.ColumnType_COLUMN_TYPE_VERSION},
			{Name: "create_date", Type: writerv1.ColumnType_COLUMN_TYPE_DATE},
		},
	}
}

// connectPatiently waits for a database that is starting or being mended, and says why it waits.
func connectPatiently(ctx context.Context, cfg *pgx.ConnConfig, out io.Writer) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectPatience)
	defer cancel()
	cfg.ConnectTimeout = connectTimeout
	cfg.RuntimeParams["application_name"] = "maskline-migrate"
	d := &database{config: cfg}
	for said := ""; ; {
		conn, err := pgx.ConnectConfig(ctx, cfg)
		if err == nil {
			return conn, nil
		}
		trouble := &ConnectTrouble{Address: d.address(), Cause: err}
		if said != trouble.Error() && ctx.Err() == nil {
			said = trouble.Error()
			_, _ = fmt.Fprintf(out, "waiting: %s\n", said)
		}
		select {
		case <-ctx.Done():
			return nil, trouble
		case <-time.After(mendingEvery):
		}
	}
}

// takeLock waits for other migrations. It asks again and again, for a session that waits inside Postgres holds a
// snapshot, and CREATE INDEX CONCURRENTLY would wait for that.
func takeLock(ctx context.Context, db *pgx.Conn) error {
	for {
		var got bool
		if err := db.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", int64(migrationLock)).Scan(&got); err != nil || got {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lockEvery):
		}
	}
}

// migrateBuiltIn runs the migrations, unless somebody else made the table.
func migrateBuiltIn(ctx context.Context, cfg *pgx.ConnConfig, db *pgx.Conn, out io.Writer) error {
	var there, history bool
	err := db.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL, to_regclass($2) IS NOT NULL",
		quote(builtInTable), quote(historyTable)).Scan(&there, &history)
	if err != nil {
		return err
	}
	if there && !history {
		return nil
	}
	if !there && history {
		// The table was dropped. Its history would keep it from coming back.
		if _, err := db.Exec(ctx, "DROP TABLE "+quote(historyTable)); err != nil {
			return err
		}
	}
	pool := stdlib.OpenDB(*cfg)
	defer func() { _ = pool.Close() }()
	provider, err := goose.NewProvider(goose.DialectPostgres, pool, migrations.Files,
		goose.WithTableName(historyTable), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	results, err := provider.Up(ctx)
	for _, r := range results {
		if r.Error == nil {
			_, _ = fmt.Fprintf(out, "applied %s\n", r.Source.Path)
		}
	}
	return err
}

// adopt brings a table that is there, or that another mapping asks for, into shape.
func adopt(ctx context.Context, db *pgx.Conn, s *Shape, apply bool, out io.Writer) error {
	plan, err := makeTablePlan(ctx, db, s)
	if err != nil {
		return err
	}
	if _, err := plan.WriteTo(out); err != nil {
		return err
	}
	switch {
	case len(plan.Blockers) > 0:
		return fmt.Errorf("%w: table %s: %s", ErrBlocked, s.table, strings.Join(plan.Blockers, "; "))
	case len(plan.Steps) == 0:
		return nil
	case !apply:
		return ErrNotApplied
	}
	for _, step := range plan.Steps {
		if err := runStep(ctx, db, step); err != nil {
			return err
		}
	}
	again, err := makeTablePlan(ctx, db, s)
	if err != nil {
		return err
	}
	if len(again.Steps)+len(again.Blockers) > 0 {
		return fmt.Errorf("migrate: table %s was changed by somebody else meanwhile: run again", s.table)
	}
	_, err = again.WriteTo(out)
	return err
}

func makeTablePlan(ctx context.Context, db *pgx.Conn, s *Shape) (*TablePlan, error) {
	t, err := readTable(ctx, db, s.table)
	if err != nil {
		return nil, err
	}
	f, err := readFacts(ctx, db, t)
	if err != nil {
		return nil, fmt.Errorf("table %s: %s", s.table, meaningOf(err))
	}
	return planTable(s, t, f), nil
}

// runStep carries one statement out. An index that could not be made stays behind invalid: it is dropped, for it costs
// every write and helps no read.
func runStep(ctx context.Context, db *pgx.Conn, step string) error {
	// A lock that is not got soon makes everybody else wait behind this statement.
	if _, err := db.Exec(ctx, "SELECT set_config('lock_timeout', $1, false), set_config('statement_timeout', '0', false)",
		lockFor(step)); err != nil {
		return fmt.Errorf("migrate: %s", meaningOf(err))
	}
	_, err := db.Exec(ctx, step)
	if err == nil {
		return nil
	}
	rest, concurrent := strings.CutPrefix(step, "CREATE UNIQUE INDEX CONCURRENTLY ")
	if concurrent {
		name, target, _ := strings.Cut(rest, " ON ")
		if schema, _, ok := strings.Cut(target, `"."`); ok {
			name = schema + `".` + name
		}
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), connectPatience)
		defer cancel()
		_, _ = db.Exec(clean, "DROP INDEX CONCURRENTLY IF EXISTS "+name)
	}
	return fmt.Errorf("migrate: %s: %s", step, meaningOf(err))
}

// lockFor is the lock_timeout of a step. An index made CONCURRENTLY waits for transactions and blocks nobody.
func lockFor(step string) string {
	if strings.Contains(step, " CONCURRENTLY ") {
		return "0"
	}
	return lockTimeout.String()
}

// meaningOf tells an answer of Postgres without its detail, which may hold values of rows.
func meaningOf(err error) string {
	var pg *pgconn.PgError
	switch {
	case !errors.As(err, &pg):
		return innermost(err)
	case pg.Code == "23505":
		return "there are event ids that stand in more than one row (SQLSTATE 23505); run again to see the count"
	case pg.Code == "55P03":
		return "the table is locked by somebody else (SQLSTATE 55P03): run again, or see pg_locks"
	case pg.Code == "42501":
		return pg.Message + " (SQLSTATE 42501): run as the table's owner"
	case len(pg.Code) == 5 && (pg.Code[:2] == "22" || pg.Code[:2] == "23"):
		return "rows of the table do not allow it (SQLSTATE " + pg.Code + ")"
	}
	return pg.Message + " (SQLSTATE " + pg.Code + ")"
}
