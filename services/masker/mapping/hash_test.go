package mapping_test

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	writerv1 "github.com/maskline/maskline/proto/gen/maskline/writer/v1"
	"github.com/maskline/maskline/services/masker/mapping"
)

func hashOf(t *testing.T, source string) string {
	t.Helper()
	m, err := mapping.Parse("test.yaml", []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	hash := m.Hash()
	return hex.EncodeToString(hash[:])
}

const hashBase = "version: 1\ntable: t\nwhen: {a: [1, x], b: null}\nunknown_fields: reject\nignore: [i, j]\ncolumns:\n" +
	"  c: {from: p.q, in: [a, b], max: 5}\n  d: {type: integer, min: 1, mask: {kind: hmac-sha256, domain: d, salt_from: s}}\n"

func TestHash_IsOfTheMeaningNotTheText(t *testing.T) {
	t.Parallel()
	want := hashOf(t, hashBase)
	for name, source := range map[string]string{
		"layout":      "# A comment.\ncolumns: {c: {max: 5.0, in: [b, a, b], from: 'p.q', type: text}, d: {mask: {salt_from: s, domain: d, kind: hmac-sha256}, required: false, min: 1, type: integer}}\nignore: [j, i]\nunknown_fields: reject\notherwise: reject\nwhen: {b: ~, a: [x, 1.0]}\ntable: t\nversion: 1\n",
		"quoted path": hashBaseWith(t, "p.q", `'"p"."q"'`),
	} {
		if got := hashOf(t, source); got != want {
			t.Errorf("%s changes the hash", name)
		}
	}
}

func TestHash_EachMeaningHasItsOwn(t *testing.T) {
	t.Parallel()
	seen := map[string]string{hashOf(t, hashBase): "the base"}
	for _, change := range [][2]string{
		{"table: t", "table: u"}, {"a: [1, x]", "a: [1]"}, {"a: [1, x]", "a: ['1', x]"}, {"b: null", "b: false"}, {", b: null", ""},
		{"unknown_fields: reject\nignore: [i, j]\n", ""}, {"ignore: [i, j]\n", ""}, {"[i, j]", "[i.j]"},
		{"unknown_fields", "otherwise: skip\nunknown_fields"},
		{"  c: {", "  e: {"}, {"p.q", `'"p.q"'`}, {"p.q", "[p, q]"}, {"from: p.q", "meta: queue"}, {"from: p.q", "meta: attribute.q"}, {"from: p.q", "value: a"}, {"from: p.q, ", ""},
		{"[a, b]", "[a]"}, {"in: [a, b], ", ""}, {"max: 5", "max: 6"}, {"max: 5", "min: 5"}, {", max: 5", ""}, {"max: 5", "max: 5, required: true"}, {"max: 5", "max: 5, default: a"}, {"max: 5", "max: 5, default: b"},
		{"max: 5", "max: 5, normalize: [trim]"}, {"max: 5", "max: 5, normalize: [trim, lower]"}, {"max: 5", "max: 5, normalize: [lower, trim]"},
		{"type: integer, min: 1", "type: text, min: 1"}, {"domain: d", "domain: e"}, {"salt_from: s", "salt_from: u"}, {", salt_from: s", ""}, {"kind: hmac-sha256, domain: d", "kind: sha256"}, {"kind: hmac-sha256, domain: d, salt_from: s", "kind: redact"}, {"kind: hmac-sha256, domain: d, salt_from: s", "kind: nullify"},
	} {
		got := hashOf(t, hashBaseWith(t, change[0], change[1]))
		if other, same := seen[got]; same {
			t.Errorf("%q for %q has the hash of %s", change[1], change[0], other)
		}
		seen[got] = change[1]
	}
	swapped := "version: 1\ntable: t\ncolumns: {b: {}, a: {}}"
	if hashOf(t, swapped) == hashOf(t, "version: 1\ntable: t\ncolumns: {a: {}, b: {}}") {
		t.Error("the order of columns, which batches rely on, does not change the hash")
	}
}

// The hash of the default mapping is part of the protocol of a rolling redeploy: old and new maskers must agree on it.
// If this fails, the encoding in hash.go changed: then change its first line too.
func TestHash_OfTheDefaultMappingIsStable(t *testing.T) {
	t.Parallel()
	const want = "7bbb93344ae5b0e8997d878bbc1a12ef565dbbf40a0c555415a739829c471d2d"
	hash := builtin(t, "login").Mapping().Hash()
	if got := hex.EncodeToString(hash[:]); got != want {
		t.Errorf("got %s", got)
	}
}

func TestSchema_SaysWhatIsWrittenAfterMasking(t *testing.T) {
	t.Parallel()
	program := compile(t, columns("a: {type: ip}, b: {type: ip, mask: {kind: redact}}, c: {type: ip, mask: {kind: nullify}}, d: {type: integer, mask: {kind: sha256}}, e: {type: date, mask: {kind: hmac-sha256, domain: d}}, f: {type: version}"))
	schema := program.Mapping().Schema()
	hash := program.Mapping().Hash()
	if schema.GetTable() != "t" || !bytes.Equal(schema.GetMappingHash(), hash[:]) {
		t.Errorf("schema %v", schema)
	}
	for i, want := range []writerv1.ColumnType{
		writerv1.ColumnType_COLUMN_TYPE_IP, writerv1.ColumnType_COLUMN_TYPE_TEXT, writerv1.ColumnType_COLUMN_TYPE_IP,
		writerv1.ColumnType_COLUMN_TYPE_TEXT, writerv1.ColumnType_COLUMN_TYPE_TEXT, writerv1.ColumnType_COLUMN_TYPE_VERSION,
	} {
		column := program.Mapping().Columns()[i]
		if column.Type != want || schema.GetColumns()[i].GetType() != want || schema.GetColumns()[i].GetName() != column.Name {
			t.Errorf("column %s: %v, in the schema %v, want %v", column.Name, column.Type, schema.GetColumns()[i], want)
		}
	}
}

func hashBaseWith(t *testing.T, from, to string) string {
	t.Helper()
	if !strings.Contains(hashBase, from) {
		t.Fatalf("nothing to change: %q", from)
	}
	return strings.Replace(hashBase, from, to, 1)
}
