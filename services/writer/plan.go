package writer

import (
	"bytes"
	"math"
	"strconv"
	"unicode/utf8"
)

// plan is how the rows of one shape are written to a table as the catalog has it: the statement, and what is checked of
// each value before the statement sees it. A plan is as old as its connection's last look into the catalog.
type plan struct {
	sql    string
	limits []limit
}

// limit is what a column's type cannot hold.
type limit struct {
	name string
	// probe asks Postgres about one value, $1, alone.
	probe string
	// chars is the most characters; 0 is no limit.
	chars int
	// integer columns hold least to most.
	integer     bool
	least, most int64
}

// makePlan compiles the statement for a shape that the table can take.
func makePlan(s *Shape, t *table) *plan {
	p := &plan{limits: make([]limit, len(s.columns))}
	columns, casts := quote(eventIDColumn), "u.id"
	arrays, names := "$1::uuid[]", "id"
	for i, c := range s.columns {
		found, _ := t.column(c.name)
		p.limits[i] = limitOf(c.name, found.base)
		p.limits[i].probe = "SELECT " + cast("$1", found.base)
		columns += ", " + quote(c.name)
		casts += ", " + cast("u.c"+strconv.Itoa(i), found.base)
		arrays += ", $" + strconv.Itoa(i+2) + "::text[]"
		names += ", c" + strconv.Itoa(i)
	}
	p.sql = "INSERT INTO " + t.quoted + " (" + columns + ")" +
		" SELECT " + casts + " FROM unnest(" + arrays + ") AS u(" + names + ")" +
		// Two writers that insert the same ids in different orders would deadlock.
		" ORDER BY 1" +
		// Without its target this would swallow rows that clash with another unique key.
		" ON CONFLICT (" + quote(eventIDColumn) + ") DO NOTHING" +
		" RETURNING " + quote(eventIDColumn)
	return p
}

// cast turns text into the column's base type without its length: an explicit cast to varchar(4) cuts silently, an
// assignment refuses. The name is spelled as the catalog has it, because `character` would mean character(1).
func cast(value string, t baseType) string {
	if t.schema == "pg_catalog" && t.name == "timestamp" {
		return value + "::pg_catalog.timestamptz AT TIME ZONE 'UTC'"
	}
	return value + "::" + quote(t.schema) + "." + quote(t.name)
}

func limitOf(name string, t baseType) limit {
	l := limit{name: name}
	if t.schema != "pg_catalog" {
		return l
	}
	switch t.name {
	case "varchar", "bpchar":
		// The length is kept with the four bytes of a varlena header added.
		l.chars = max(t.typmod-4, 0)
	case "int2":
		l.integer, l.least, l.most = true, math.MinInt16, math.MaxInt16
	case "int4":
		l.integer, l.least, l.most = true, math.MinInt32, math.MaxInt32
	case "int8":
		l.integer, l.least, l.most = true, math.MinInt64, math.MaxInt64
	}
	return l
}

// check looks at every value of a row and names the first column that cannot take its value, and why. What it cannot
// decide without Postgres, such as a date or an enum's value, it leaves to Postgres.
func (p *plan) check(f *Frame, index int) (column, reason string) {
	for i := range p.limits {
		c := &f.columns[i]
		if c.null(index) {
			continue
		}
		if reason := p.limits[i].check(c.value(index)); reason != "" {
			return p.limits[i].name, reason
		}
	}
	return "", ""
}

func (l *limit) check(value []byte) (reason string) {
	switch {
	case bytes.IndexByte(value, 0) >= 0:
		return reasonNUL
	case !utf8.Valid(value):
		return reasonInvalidUTF8
	case l.chars > 0 && len(value) > l.chars && utf8.RuneCount(value) > l.chars:
		return reasonTooLong
	case l.integer && outside(value, l.least, l.most):
		return reasonOutOfRange
	}
	return ""
}

// outside tells whether text is an integer beyond the limits. Text that is no integer is none of its business.
func outside(text []byte, least, most int64) bool {
	digits, negative := text, false
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		digits, negative = text[1:], text[0] == '-'
	}
	if len(digits) == 0 {
		return false
	}
	// The magnitude of the smallest integer is one more than that of the largest.
	bound := uint64(most)
	if negative {
		bound = uint64(-(least + 1)) + 1
	}
	var n uint64
	over := false
	for _, d := range digits {
		if d < '0' || d > '9' {
			return false
		}
		if n > (math.MaxUint64-9)/10 {
			over = true
			continue
		}
		n = n*10 + uint64(d-'0')
	}
	return over || n > bound
}
