package writer

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// table is what the catalog says about one table, read afresh whenever a schema is checked.
type table struct {
	// asked is the name as the schema has it, quoted is it in SQL.
	asked, quoted string
	// missing tables have nothing but their name.
	missing     bool
	kind        string
	user        string
	partitionBy string
	mayUse      bool
	mayInsert   bool
	maySelect   bool
	columns     []tableColumn
	indexes     []uniqueIndex
}

// tableColumn is one column, its domain resolved.
type tableColumn struct {
	name       string
	notNull    bool
	hasDefault bool
	// generated columns and identity columns GENERATED ALWAYS take no values.
	generated bool
	declared  string
	base      baseType
	mayInsert bool
	maySelect bool
}

// baseType is the type under all domains, and its length.
type baseType struct {
	schema, name string
	enum         bool
	typmod       int
}

// uniqueIndex is a unique index or the index of a unique constraint.
type uniqueIndex struct {
	name     string
	columns  []string
	usable   bool
	partial  bool
	deferred bool
}

// on tells whether the index is one that ON CONFLICT (column) can use.
func (i uniqueIndex) on(column string) bool {
	return i.usable && !i.partial && !i.deferred && len(i.columns) == 1 && i.columns[0] == column
}

// quoteTable turns `table` or `schema.table` into SQL. Names are taken as they stand, so upper case stays.
func quoteTable(name string) string {
	return pgx.Identifier(strings.SplitN(name, ".", 2)).Sanitize()
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

const tableQuery = `
SELECT c.relkind::text, current_user::text,
       coalesce(pg_get_partkeydef(c.oid), ''),
       has_schema_privilege(c.relnamespace, 'USAGE'),
       has_table_privilege(c.oid, 'INSERT'),
       has_table_privilege(c.oid, 'SELECT')
FROM pg_class c WHERE c.oid = to_regclass($1)::oid`

// columnQuery resolves domains, which may stand on domains: lengths and the type to cast to are those of the base type.
const columnQuery = `
SELECT a.attname::text,
       a.attnotnull OR d.not_null,
       a.atthasdef OR a.attidentity <> '' OR d.has_default,
       a.attgenerated <> '' OR a.attidentity = 'a',
       format_type(a.atttypid, a.atttypmod),
       n.nspname::text, t.typname::text, t.typtype = 'e', d.typmod,
       has_column_privilege(a.attrelid, a.attnum, 'INSERT'),
       has_column_privilege(a.attrelid, a.attnum, 'SELECT')
FROM pg_attribute a
CROSS JOIN LATERAL (
    WITH RECURSIVE base(oid, typmod, depth, not_null, has_default) AS (
        SELECT a.atttypid, a.atttypmod, 0, false, false
        UNION ALL
        SELECT t.typbasetype, CASE WHEN t.typtypmod <> -1 THEN t.typtypmod ELSE base.typmod END, base.depth + 1,
               base.not_null OR t.typnotnull, base.has_default OR t.typdefault IS NOT NULL
        FROM base JOIN pg_type t ON t.oid = base.oid WHERE t.typtype = 'd'
    )
    SELECT * FROM base ORDER BY depth DESC LIMIT 1
) d
JOIN pg_type t ON t.oid = d.oid
JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE a.attrelid = to_regclass($1)::oid AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum`

const indexQuery = `
SELECT c.relname::text,
       ARRAY(SELECT coalesce(a.attname::text, '(expression)')
             FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, place)
             LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND k.attnum > 0
             WHERE k.place <= i.indnkeyatts ORDER BY k.place),
       i.indisvalid AND i.indisready AND i.indislive,
       i.indpred IS NOT NULL,
       NOT i.indimmediate
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = to_regclass($1)::oid AND i.indisunique ORDER BY 1`

// constraintQuery finds the columns of a constraint, or of a unique index that is none.
const constraintQuery = `
SELECT a.attname::text FROM pg_attribute a
WHERE a.attrelid = to_regclass($1)::oid AND (
    a.attnum IN (SELECT unnest(conkey) FROM pg_constraint WHERE conrelid = a.attrelid AND conname = $2)
    OR a.attnum IN (SELECT unnest(i.indkey::int2[]) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
                    WHERE i.indrelid = a.attrelid AND c.relname = $2))`

// readConstraint reads the names of the columns that a constraint is about.
func readConstraint(ctx context.Context, db *pgx.Conn, quoted, name string) ([]string, error) {
	rows, err := db.Query(ctx, constraintQuery, quoted, name)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// readTable reads the catalog. A missing table is an answer and no error.
func readTable(ctx context.Context, db *pgx.Conn, name string) (*table, error) {
	t := &table{asked: name, quoted: quoteTable(name)}
	rows, err := db.Query(ctx, tableQuery, t.quoted)
	if err != nil {
		return nil, fmt.Errorf("catalog: %w", err)
	}
	t.missing = true
	for rows.Next() {
		t.missing = false
		if err := rows.Scan(&t.kind, &t.user, &t.partitionBy, &t.mayUse, &t.mayInsert, &t.maySelect); err != nil {
			rows.Close()
			return nil, fmt.Errorf("catalog: %w", err)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("catalog: %w", err)
	}
	if t.missing {
		return t, nil
	}
	if t.columns, err = readColumns(ctx, db, t.quoted); err != nil {
		return nil, fmt.Errorf("catalog: columns: %w", err)
	}
	if t.indexes, err = readIndexes(ctx, db, t.quoted); err != nil {
		return nil, fmt.Errorf("catalog: indexes: %w", err)
	}
	return t, nil
}

func readColumns(ctx context.Context, db *pgx.Conn, quoted string) ([]tableColumn, error) {
	rows, err := db.Query(ctx, columnQuery, quoted)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(r pgx.CollectableRow) (tableColumn, error) {
		var c tableColumn
		err := r.Scan(&c.name, &c.notNull, &c.hasDefault, &c.generated, &c.declared,
			&c.base.schema, &c.base.name, &c.base.enum, &c.base.typmod, &c.mayInsert, &c.maySelect)
		return c, err
	})
}

func readIndexes(ctx context.Context, db *pgx.Conn, quoted string) ([]uniqueIndex, error) {
	rows, err := db.Query(ctx, indexQuery, quoted)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(r pgx.CollectableRow) (uniqueIndex, error) {
		var i uniqueIndex
		err := r.Scan(&i.name, &i.columns, &i.usable, &i.partial, &i.deferred)
		return i, err
	})
}

// column finds a column by name.
func (t *table) column(name string) (tableColumn, bool) {
	for _, c := range t.columns {
		if c.name == name {
			return c, true
		}
	}
	return tableColumn{}, false
}

// insertable tells whether the table is of a kind that takes rows: a plain one or a partitioned one.
func (t *table) insertable() bool { return t.kind == "r" || t.kind == "p" }
