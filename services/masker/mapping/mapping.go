// Package mapping turns JSON events into masked rows by the rules of one YAML file (docs/mapping.md). It promises that
// a row leaves only when every rule of the mapping held, that equal input gives equal bytes, and that what is refused
// carries a reason of a closed list. It never passes a value on that it could not check, never lets a value or the name
// of an unmapped field into an error, and never asks a clock.
//
// The way of a mapping: [Parse] reads the YAML and complains about all of it at once; [Compile] adds the keys and gives
// a [Program]; each goroutine takes a [Worker] from it and calls Apply for each event.
package mapping

import (
	"fmt"
	"slices"

	writerv1 "github.com/maskline/maskline/proto/gen/maskline/writer/v1"
)

// Mapping is a mapping that was read without complaints. It is immutable and safe for concurrent use.
type Mapping struct {
	table         string
	columns       []column
	when          []condition
	skipUnmatched bool
	rejectUnknown bool
	ignore        []path
	warnings      []string
	hash          [32]byte
}

// column is one column of the mapping.
type column struct {
	name      string
	source    source
	kind      kind
	required  bool
	otherwise *value // default, normalized; nil is NULL.
	steps     []step
	limits    limits
	mask      mask
}

// source is where a column's value comes from; exactly one is set.
type source struct {
	paths    []path
	meta     *meta
	constant *value
}

// condition is one line of `when`.
type condition struct {
	path   path
	accept []value
}

// Column is what the writer learns about a column.
type Column struct {
	// Name is as the catalog has it.
	Name string
	// Type is what is written, after masking.
	Type writerv1.ColumnType
}

// Table returns `table` or `schema.table`, unquoted.
func (m *Mapping) Table() string { return m.table }

// Columns returns the columns in the order in which batches carry them.
func (m *Mapping) Columns() []Column {
	columns := make([]Column, len(m.columns))
	for i, c := range m.columns {
		columns[i] = Column{Name: c.name, Type: c.wireType()}
	}
	return columns
}

// Hash returns SHA-256 of the mapping's meaning: layout, comments and the order of keys do not change it; the order of
// columns does, since batches rely on it.
func (m *Mapping) Hash() [32]byte { return m.hash }

// Warnings returns what is allowed but unwise, each as `file:line:column: what; fix`.
func (m *Mapping) Warnings() []string { return slices.Clone(m.warnings) }

// NeedsKey reports whether a mask is keyed or a column writes the key id, so that Compile asks for a keyset.
func (m *Mapping) NeedsKey() bool {
	return slices.ContainsFunc(m.columns, func(c column) bool { return c.mask.kind.keyed() || c.source.isKeyID() })
}

// Schema returns the message that opens a stream to the writer.
func (m *Mapping) Schema() *writerv1.Schema {
	schema := &writerv1.Schema{MappingHash: m.hash[:], Table: m.table}
	for _, c := range m.columns {
		schema.Columns = append(schema.Columns, &writerv1.Column{Name: c.name, Type: c.wireType()})
	}
	return schema
}

// String names the table and the first bytes of the hash.
func (m *Mapping) String() string { return fmt.Sprintf("mapping %x for %s", m.hash[:4], m.table) }

func (c *column) wireType() writerv1.ColumnType {
	if c.mask.kind.writesText() {
		return writerv1.ColumnType_COLUMN_TYPE_TEXT
	}
	return c.kind.rule().wire
}

func (s source) isKeyID() bool { return s.meta != nil && s.meta.name == metaKeyID }

// field is how reasons name the source.
func (s source) field(position int) string {
	switch {
	case s.meta != nil:
		return "meta:" + s.meta.String()
	case position < len(s.paths):
		return s.paths[position].text
	}
	return ""
}
