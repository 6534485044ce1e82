package writer

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	writerv1 "github.com/maskline/maskline/proto/gen/maskline/writer/v1"
)

const (
	// eventIDColumn is the column that every table has, beside those of the mapping.
	eventIDColumn = "event_id"
	// maxColumns keeps a row inside what Postgres allows, with room for columns that are not mapped.
	maxColumns = 1000
	hashSize   = sha256.Size
)

// Shape is a stream's schema. Frames of equal key are written by the same statement.
type Shape struct {
	key     string
	hash    []byte
	table   string
	columns []shapeColumn
}

type shapeColumn struct {
	name string
	kind writerv1.ColumnType
}

// NewShape checks a schema as far as that needs no database. The key is made of the whole schema and not of the mapping
// hash alone: a peer that sends two schemas under one hash must not get its values into the wrong columns.
func NewShape(s *writerv1.Schema) (*Shape, error) {
	if len(s.GetMappingHash()) != hashSize {
		return nil, malformed("schema: mapping_hash: not 32 bytes")
	}
	if n := len(s.GetColumns()); n < 1 || n > maxColumns {
		return nil, malformed("schema: columns: not 1 to 1000")
	}
	out := &Shape{hash: s.GetMappingHash(), table: s.GetTable()}
	for _, c := range s.GetColumns() {
		named := slices.ContainsFunc(out.columns, func(o shapeColumn) bool { return o.name == c.GetName() })
		switch {
		case c.GetName() == "" || strings.ContainsRune(c.GetName(), 0):
			return nil, malformed("schema: a column without a name")
		case c.GetName() == eventIDColumn || named:
			return nil, malformed("schema: column " + c.GetName() + ": named twice")
		}
		out.columns = append(out.columns, shapeColumn{c.GetName(), c.GetType()})
	}
	encoded, err := proto.MarshalOptions{Deterministic: true}.Marshal(s)
	if err != nil {
		return nil, malformed("schema: not encodable")
	}
	key := sha256.Sum256(encoded)
	out.key = string(key[:])
	return out, nil
}

// RefusalError says why a table cannot take the rows of a schema, in words that name what to fix. It holds no value of a row.
type RefusalError struct {
	// Table is the table's name as the schema has it.
	Table string
	// Faults are one or more complaints, each with what to do.
	Faults []string
}

// Error joins the faults.
func (r *RefusalError) Error() string {
	return "table " + r.Table + ": " + strings.Join(r.Faults, "; ")
}

// refuse holds a schema against a table and complains about everything at once; nil if the table can take it.
func refuse(s *Shape, t *table) error {
	r := &RefusalError{Table: s.table}
	if t.missing {
		r.add("missing: create it with `maskline migrate`")
		return r
	}
	if !t.insertable() {
		r.add("not a table that takes rows, but of kind %s", t.kind)
		return r
	}
	r.checkEventID(t)
	for _, c := range s.columns {
		r.checkColumn(c, t)
	}
	r.checkUnmapped(s, t)
	r.checkPrivileges(s, t)
	if len(r.Faults) > 0 {
		return r
	}
	return nil
}

func (r *RefusalError) add(format string, args ...any) {
	r.Faults = append(r.Faults, fmt.Sprintf(format, args...))
}

// checkEventID wants a uuid column and an index that finds repetitions.
func (r *RefusalError) checkEventID(t *table) {
	c, ok := t.column(eventIDColumn)
	switch {
	case !ok:
		r.add("column event_id: missing: add it with `maskline migrate`")
		return
	case c.base.schema != "pg_catalog" || c.base.name != "uuid":
		r.add("column event_id: is %s, must be uuid", c.declared)
		return
	case c.generated:
		r.add("column event_id: is generated, must take values")
		return
	}
	if slices.ContainsFunc(t.indexes, func(i uniqueIndex) bool { return i.on(eventIDColumn) }) {
		return
	}
	why := "missing"
	for _, i := range t.indexes {
		switch {
		case !slices.Equal(i.columns, []string{eventIDColumn}):
		case !i.usable:
			why = i.name + " is invalid: drop it"
		case i.partial:
			why = i.name + " is partial"
		case i.deferred:
			why = i.name + " is deferrable, and ON CONFLICT cannot use such a constraint"
		}
	}
	fix := "create it with `maskline migrate`"
	if t.partitionBy != "" {
		fix = "the table is partitioned by " + t.partitionBy + ", and a unique index must hold the partition key: " +
			"partition by event_id, which sorts by time"
	}
	r.add("unique index on (event_id): %s; %s", why, fix)
}

// checkColumn wants a column that takes the values that the mapping writes.
func (r *RefusalError) checkColumn(want shapeColumn, t *table) {
	c, ok := t.column(want.name)
	switch {
	case !ok:
		r.add("column %s: missing: add it, or take it out of the mapping", want.name)
	case c.generated:
		r.add("column %s: is generated and takes no values: take it out of the mapping", want.name)
	case !accepts(want.kind, c.base):
		r.add("column %s: is %s, the mapping writes %s", want.name, c.declared, kindName(want.kind))
	}
}

// checkUnmapped finds columns that no row could do without.
func (r *RefusalError) checkUnmapped(s *Shape, t *table) {
	for _, c := range t.columns {
		mapped := c.name == eventIDColumn ||
			slices.ContainsFunc(s.columns, func(o shapeColumn) bool { return o.name == c.name })
		if c.notNull && !c.hasDefault && !c.generated && !mapped {
			r.add("column %s: is NOT NULL without a default and not mapped: map it, or give it a default", c.name)
		}
	}
}

// checkPrivileges wants INSERT, and SELECT on event_id: RETURNING and the conflict target read it.
func (r *RefusalError) checkPrivileges(s *Shape, t *table) {
	to := " TO " + quote(t.user)
	if !t.mayUse {
		schema, _, _ := strings.Cut(t.quoted, ".")
		r.add("permission: run GRANT USAGE ON SCHEMA %s%s", schema, to)
	}
	if !t.mayInsert {
		var denied []string
		for _, c := range t.columns {
			mapped := c.name == eventIDColumn ||
				slices.ContainsFunc(s.columns, func(o shapeColumn) bool { return o.name == c.name })
			if mapped && !c.mayInsert {
				denied = append(denied, quote(c.name))
			}
		}
		if len(denied) > 0 {
			r.add("permission: run GRANT INSERT ON %s%s", t.quoted, to)
		}
	}
	if c, ok := t.column(eventIDColumn); ok && !c.maySelect {
		r.add("permission: run GRANT SELECT (event_id) ON %s%s", t.quoted, to)
	}
}

// accepts is the type table of docs/mapping.md.
func accepts(kind writerv1.ColumnType, t baseType) bool {
	textual := t.name == "citext"
	number := ""
	if t.schema == "pg_catalog" {
		textual = t.name == "text" || t.name == "varchar" || t.name == "bpchar"
		number = t.name
	}
	switch kind {
	case writerv1.ColumnType_COLUMN_TYPE_TEXT:
		return textual || t.enum
	case writerv1.ColumnType_COLUMN_TYPE_UUID:
		return textual || number == "uuid"
	case writerv1.ColumnType_COLUMN_TYPE_IP:
		return textual || number == "inet"
	case writerv1.ColumnType_COLUMN_TYPE_INTEGER:
		return slices.Contains([]string{"int2", "int4", "int8", "numeric"}, number)
	case writerv1.ColumnType_COLUMN_TYPE_NUMERIC:
		return number == "numeric"
	case writerv1.ColumnType_COLUMN_TYPE_FLOAT:
		return number == "float4" || number == "float8"
	case writerv1.ColumnType_COLUMN_TYPE_BOOLEAN:
		return number == "bool"
	case writerv1.ColumnType_COLUMN_TYPE_DATE:
		return number == "date"
	case writerv1.ColumnType_COLUMN_TYPE_TIMESTAMP:
		return number == "timestamptz" || number == "timestamp"
	case writerv1.ColumnType_COLUMN_TYPE_VERSION:
		return number == "int4"
	default:
		return false
	}
}

// kindName is the mapping's word for a type.
func kindName(kind writerv1.ColumnType) string {
	return strings.ToLower(strings.TrimPrefix(kind.String(), "COLUMN_TYPE_"))
}
