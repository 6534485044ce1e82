package writer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	writerv1 "github.com/maskline/maskline/proto/gen/maskline/writer/v1"
)

// Report is what Check has found, for a person to read.
type Report struct {
	// Address, Database and User say what was asked, and as whom.
	Address, Database, User string
	// Version is Postgres' own, for example 15.18.
	Version string
	// SynchronousCommit and Fsync are the settings of a new session, before the writer makes them stricter.
	SynchronousCommit, Fsync string
	// Standby says that this server takes no writes.
	Standby bool
	// Table is the table of the schema. Exists says whether it is there.
	Table  string
	Exists bool
	// Columns are those of the schema and event_id, in their order.
	Columns []ColumnReport
	// UniqueIndexes are those beside that on event_id: a row that clashes with one is rejected, not a duplicate.
	UniqueIndexes []string
	// Faults keep the writer from writing to the table. Each names what to fix.
	Faults []string
	// Warnings do not, but should be known.
	Warnings []string
	// Unverified is what cannot be found out without writing.
	Unverified []string
}

// ColumnReport is one column of the schema held against the table.
type ColumnReport struct {
	// Name is the column's name.
	Name string
	// Type is what the table has, empty if it is missing.
	Type string
	// State is ok, missing or wrong.
	State string
	// Fix says what to do, unless State is ok.
	Fix string
}

// OK tells whether a writer with this login could write.
func (r *Report) OK() bool { return len(r.Faults) == 0 }

// Check asks a database whether rows of a schema could be written to it. It changes nothing. The error says why the
// database could not be asked; everything else is in the report.
func Check(ctx context.Context, dsn string, schema *writerv1.Schema) (*Report, error) {
	cfg, err := parseDSN(dsn)
	if err != nil {
		return nil, err
	}
	if schema == nil {
		schema = builtInSchema()
	}
	s, err := NewShape(schema)
	if err != nil {
		return nil, err
	}
	cfg.ConnectTimeout = connectTimeout
	d := &database{config: cfg}
	db, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, &ConnectTrouble{Address: d.address(), Cause: err}
	}
	defer closeQuietly(db)
	r := &Report{Address: d.address(), Table: s.table}
	if err := r.readServer(ctx, db); err != nil {
		return nil, fmt.Errorf("check: %s", meaningOf(err))
	}
	t, err := readTable(ctx, db, s.table)
	if err != nil {
		return nil, fmt.Errorf("check: %s", meaningOf(err))
	}
	r.compare(s, t)
	if r.Exists {
		if err := r.readSurprises(ctx, db, t); err != nil {
			return nil, fmt.Errorf("check: %s", meaningOf(err))
		}
	}
	return r, nil
}

func (r *Report) readServer(ctx context.Context, db *pgx.Conn) error {
	var readOnly string
	err := db.QueryRow(ctx, `SELECT current_database()::text, current_user::text, current_setting('server_version'),
		current_setting('synchronous_commit'), current_setting('fsync'), pg_is_in_recovery(),
		current_setting('transaction_read_only')`).
		Scan(&r.Database, &r.User, &r.Version, &r.SynchronousCommit, &r.Fsync, &r.Standby, &readOnly)
	if err != nil {
		return err
	}
	switch {
	case r.Standby:
		r.Faults = append(r.Faults, "the server is a standby: point DATABASE_URL at the primary")
	case readOnly == "on":
		r.Faults = append(r.Faults, "the database is read-only: see default_transaction_read_only")
	}
	if r.SynchronousCommit != "on" && r.SynchronousCommit != "remote_apply" {
		r.warn("synchronous_commit is %s: the writer sets it to on in its own sessions", r.SynchronousCommit)
	}
	if r.Fsync != "on" {
		r.warn("fsync is off: a crash of the machine loses rows that were settled")
	}
	return nil
}

func (r *Report) warn(format string, args ...any) {
	r.Warnings = append(r.Warnings, fmt.Sprintf(format, args...))
}

// compare holds the schema against the catalog. It is pure.
func (r *Report) compare(s *Shape, t *table) {
	r.Exists = !t.missing
	if refusal, ok := errors.AsType[*RefusalError](refuse(s, t)); ok {
		r.Faults = append(r.Faults, refusal.Faults...)
	}
	r.Unverified = append(r.Unverified,
		"CHECK and foreign key constraints, triggers and enum values: only a row shows whether it passes",
		"permissions of other roles than "+r.User,
		"free space, and what a failover to a standby would lose",
	)
	if t.missing {
		return
	}
	for _, want := range append([]shapeColumn{{eventIDColumn, writerv1.ColumnType_COLUMN_TYPE_UUID}}, s.columns...) {
		r.Columns = append(r.Columns, reportColumn(want, t))
	}
	for _, i := range t.indexes {
		if !slices.Equal(i.columns, []string{eventIDColumn}) {
			r.UniqueIndexes = append(r.UniqueIndexes, i.name+" ("+strings.Join(i.columns, ", ")+")")
		}
	}
	if t.partitionBy != "" {
		r.Unverified = append(r.Unverified, "partitions for the rows to come: the table is partitioned by "+t.partitionBy)
	}
}

func reportColumn(want shapeColumn, t *table) ColumnReport {
	c, ok := t.column(want.name)
	out := ColumnReport{Name: want.name, Type: c.declared, State: "ok"}
	one := &RefusalError{}
	switch {
	case !ok:
		out.State, out.Fix = "missing", "add it with `maskline migrate`"
	case want.name == eventIDColumn && c.base.name != "uuid":
		out.State, out.Fix = "wrong", "must be uuid"
	default:
		if one.checkColumn(want, t); len(one.Faults) > 0 {
			out.State, out.Fix = "wrong", strings.TrimPrefix(one.Faults[0], "column "+want.name+": ")
		}
	}
	return out
}

// readSurprises finds what makes rows vanish or be refused though every column fits.
func (r *Report) readSurprises(ctx context.Context, db *pgx.Conn, t *table) error {
	var rowSecurity bool
	var triggers []string
	err := db.QueryRow(ctx, `SELECT c.relrowsecurity,
		ARRAY(SELECT tgname::text FROM pg_trigger g WHERE g.tgrelid = c.oid AND NOT g.tgisinternal AND g.tgenabled <> 'D'
		      AND g.tgtype & 4 = 4 AND g.tgtype & 2 = 2 ORDER BY 1)
		FROM pg_class c WHERE c.oid = to_regclass($1)::oid`, t.quoted).Scan(&rowSecurity, &triggers)
	if err != nil {
		return err
	}
	if rowSecurity {
		r.warn("row level security is on: rows that its policies refuse pause the writer")
	}
	for _, name := range triggers {
		r.warn("trigger %s runs before INSERT: a row that it drops counts as a duplicate and leaves the queue", name)
	}
	return nil
}

// String is the report as text.
func (r *Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "database %s at %s as %s: Postgres %s, synchronous_commit %s, fsync %s\n",
		r.Database, r.Address, r.User, r.Version, r.SynchronousCommit, r.Fsync)
	if r.Exists {
		fmt.Fprintf(&b, "table %s\n", r.Table)
	}
	for _, c := range r.Columns {
		fmt.Fprintf(&b, "  %-7s %s %s", c.State, c.Name, c.Type)
		if c.Fix != "" {
			fmt.Fprintf(&b, ": %s", c.Fix)
		}
		b.WriteByte('\n')
	}
	for _, part := range []struct {
		title string
		lines []string
	}{
		{"unique beside event_id (a clash is a rejection)", r.UniqueIndexes},
		{"to fix", r.Faults}, {"to know", r.Warnings}, {"not verified", r.Unverified},
	} {
		for i, line := range part.lines {
			if i == 0 {
				fmt.Fprintf(&b, "%s\n", part.title)
			}
			fmt.Fprintf(&b, "  %s\n", line)
		}
	}
	return b.String()
}
