package writer

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	writerv1 "github.com/maskline/maskline/proto/gen/maskline/writer/v1"
)

// TablePlan is what has to be done to a table before the rows of a schema can be written to it.
type TablePlan struct {
	// Table is the table's name as the schema has it.
	Table string
	// Steps are SQL statements, in order. None means that nothing has to be done.
	Steps []string
	// Notes say what a reader of the steps should know.
	Notes []string
	// Blockers are faults that only a person can decide about. While there is one, no step is run.
	Blockers []string
}

// facts is what the rows of a table say, beside its catalog.
type facts struct {
	// hasRows is asked when a column is to be added.
	hasRows bool
	// duplicates is how many event ids stand in several rows, valued in how many rows one stands.
	duplicates, valued int64
}

// planTable decides what to do. It is pure.
func planTable(s *Shape, t *table, f facts) *TablePlan {
	p := &TablePlan{Table: s.table}
	if t.missing {
		p.create(s, t)
		return p
	}
	if !t.insertable() {
		p.block("not a table that takes rows, but of kind %s", t.kind)
		return p
	}
	for _, want := range s.columns {
		c, ok := t.column(want.name)
		switch {
		case !ok:
			p.step("ALTER TABLE %s ADD COLUMN %s %s", t.quoted, quote(want.name), naturalType(want.kind))
		case c.generated:
			p.block("column %s: is generated and takes no values: take it out of the mapping", want.name)
		case !accepts(want.kind, c.base):
			p.block("column %s: is %s, the mapping writes %s: change one of them", want.name, c.declared, kindName(want.kind))
		}
	}
	unmapped := &RefusalError{}
	unmapped.checkUnmapped(s, t)
	p.Blockers = append(p.Blockers, unmapped.Faults...)
	p.eventID(t, f)
	return p
}

func (p *TablePlan) step(format string, args ...any) {
	p.Steps = append(p.Steps, fmt.Sprintf(format, args...))
}
func (p *TablePlan) note(format string, args ...any) {
	p.Notes = append(p.Notes, fmt.Sprintf(format, args...))
}
func (p *TablePlan) block(format string, args ...any) {
	p.Blockers = append(p.Blockers, fmt.Sprintf(format, args...))
}

// create plans a table with the natural type of each column.
func (p *TablePlan) create(s *Shape, t *table) {
	columns := make([]string, 0, len(s.columns)+1)
	for _, c := range s.columns {
		columns = append(columns, "    "+quote(c.name)+" "+naturalType(c.kind))
	}
	columns = append(columns, "    "+quote(eventIDColumn)+" uuid NOT NULL UNIQUE")
	p.step("CREATE TABLE %s (\n%s\n)", t.quoted, strings.Join(columns, ",\n"))
}

// eventID plans the column and its index. The column stays nullable on a table with rows: under a unique index NULLs
// do not clash, so rows of before may stay as they are.
func (p *TablePlan) eventID(t *table, f facts) {
	c, ok := t.column(eventIDColumn)
	switch {
	case !ok:
		p.step("ALTER TABLE %s ADD COLUMN %s uuid", t.quoted, quote(eventIDColumn))
		if f.hasRows {
			p.note("rows that are there already keep event_id NULL: NULLs do not clash under a unique index")
		}
	case c.generated:
		p.block("column event_id: is generated: rename it")
	case c.base.schema != "pg_catalog" || c.base.name != "uuid":
		p.block("column event_id: is %s, must be uuid; %d rows have a value in it: SELECT count(event_id) FROM %s",
			c.declared, f.valued, t.quoted)
		return
	}
	if slices.ContainsFunc(t.indexes, func(i uniqueIndex) bool { return i.on(eventIDColumn) }) {
		return
	}
	if f.duplicates > 0 {
		p.block("column event_id: %d ids stand in more than one row: %s", f.duplicates, duplicatesQuery(t.quoted))
		return
	}
	if t.partitionBy != "" && !strings.Contains(t.partitionBy, "("+eventIDColumn+")") {
		p.block("the table is partitioned by %s, and a unique index must hold the partition key: partition by event_id, "+
			"which sorts by time", t.partitionBy)
		return
	}
	concurrently := " CONCURRENTLY"
	if t.partitionBy != "" {
		concurrently = ""
		p.note("an index of a partitioned table cannot be made CONCURRENTLY: writes wait while it is made")
	}
	name := indexName(t)
	for _, i := range t.indexes {
		if !i.usable && slices.Equal(i.columns, []string{eventIDColumn}) {
			p.step("DROP INDEX%s %s", concurrently, t.sibling(i.name))
			name = i.name
		}
	}
	p.step("CREATE UNIQUE INDEX%s %s ON %s (%s)", concurrently, quote(name), t.quoted, quote(eventIDColumn))
}

// sibling is the SQL name of something in the table's schema.
func (t *table) sibling(name string) string {
	if schema, _, ok := strings.Cut(t.asked, "."); ok {
		return pgx.Identifier{schema, name}.Sanitize()
	}
	return quote(name)
}

// indexName is what Postgres would call a unique constraint on the column, or another if that is taken.
func indexName(t *table) string {
	name := t.asked
	if _, after, ok := strings.Cut(t.asked, "."); ok {
		name = after
	}
	// Postgres cuts names at 63 bytes, silently.
	name = name[:min(len(name), 40)] + "_event_id_key"
	if slices.ContainsFunc(t.indexes, func(i uniqueIndex) bool { return i.name == name }) {
		name += "_maskline"
	}
	return name
}

func duplicatesQuery(quoted string) string {
	return "SELECT event_id, count(*) FROM " + quoted + " GROUP BY event_id HAVING count(*) > 1 AND event_id IS NOT NULL"
}

// naturalType is the type of a column that we make.
func naturalType(kind writerv1.ColumnType) string {
	switch kind {
	case writerv1.ColumnType_COLUMN_TYPE_INTEGER:
		return "bigint"
	case writerv1.ColumnType_COLUMN_TYPE_NUMERIC:
		return "numeric"
	case writerv1.ColumnType_COLUMN_TYPE_FLOAT:
		return "double precision"
	case writerv1.ColumnType_COLUMN_TYPE_BOOLEAN:
		return "boolean"
	case writerv1.ColumnType_COLUMN_TYPE_UUID:
		return "uuid"
	case writerv1.ColumnType_COLUMN_TYPE_IP:
		return "inet"
	case writerv1.ColumnType_COLUMN_TYPE_DATE:
		return "date"
	case writerv1.ColumnType_COLUMN_TYPE_TIMESTAMP:
		return "timestamptz"
	case writerv1.ColumnType_COLUMN_TYPE_VERSION:
		return "integer"
	default:
		return "text"
	}
}

// readFacts asks the rows what the plan depends on, and no more: these queries read the whole table.
func readFacts(ctx context.Context, db *pgx.Conn, t *table) (facts, error) {
	var f facts
	if t.missing || !t.insertable() {
		return f, nil
	}
	c, ok := t.column(eventIDColumn)
	query, into := "SELECT EXISTS (SELECT FROM "+t.quoted+")", any(&f.hasRows)
	switch {
	case !ok:
	case c.base.schema != "pg_catalog" || c.base.name != "uuid":
		query, into = "SELECT count(event_id) FROM "+t.quoted, &f.valued
	case slices.ContainsFunc(t.indexes, func(i uniqueIndex) bool { return i.on(eventIDColumn) }):
		return f, nil
	default:
		query, into = "SELECT count(*) FROM ("+duplicatesQuery(t.quoted)+") d", &f.duplicates
	}
	return f, db.QueryRow(ctx, query).Scan(into)
}

// WriteTo prints the plan.
func (p *TablePlan) WriteTo(out io.Writer) (int64, error) {
	var b strings.Builder
	if len(p.Blockers) == 0 && len(p.Steps) == 0 {
		fmt.Fprintf(&b, "table %s: ready\n", p.Table)
	}
	if len(p.Blockers) > 0 {
		fmt.Fprintf(&b, "table %s: nothing was changed, because\n", p.Table)
	}
	for _, s := range p.Blockers {
		fmt.Fprintf(&b, "  %s\n", s)
	}
	if len(p.Blockers) == 0 && len(p.Steps) > 0 {
		fmt.Fprintf(&b, "table %s: plan\n", p.Table)
		for _, s := range p.Steps {
			fmt.Fprintf(&b, "%s;\n", s)
		}
		for _, s := range p.Notes {
			fmt.Fprintf(&b, "-- %s\n", s)
		}
	}
	n, err := io.WriteString(out, b.String())
	return int64(n), err
}
