package mapping_test

import (
	"encoding/base64"
	"fmt"
	"testing"

	"github.com/maskline/maskline/services/masker/keys"
	"github.com/maskline/maskline/services/masker/mapping"
	"github.com/maskline/maskline/services/masker/mappings"
)

// sentAt is 2024-06-12T15:42:22.785Z, far from any test run's own date.
const sentAt = 1718206942785

// rootKey is 00 01 … 1f, the key of the golden values.
func rootKey() []byte {
	key := make([]byte, keys.SecretSize)
	for i := range key {
		key[i] = byte(i)
	}
	return key
}

func goldenKeys(tb testing.TB) *keys.Keyset {
	tb.Helper()
	set, err := keys.Parse(fmt.Appendf(nil, `{"version":1,"keys":[{"id":"k1","state":"primary","secret":%q}]}`,
		base64.StdEncoding.EncodeToString(rootKey())))
	if err != nil {
		tb.Fatal(err)
	}
	return set
}

// compile parses YAML that must be fine and joins it with the golden key.
func compile(tb testing.TB, source string) *mapping.Program {
	tb.Helper()
	m, err := mapping.Parse("test.yaml", []byte(source))
	if err != nil {
		tb.Fatal(err)
	}
	program, err := mapping.Compile(m, goldenKeys(tb))
	if err != nil {
		tb.Fatal(err)
	}
	return program
}

func builtin(tb testing.TB, name string) *mapping.Program {
	tb.Helper()
	source, found := mappings.Source(name)
	if !found {
		tb.Fatalf("no built-in mapping %s", name)
	}
	return compile(tb, string(source))
}

// columns wraps the lines of a column map into a whole mapping.
func columns(lines string) string { return "version: 1\ntable: t\ncolumns: {" + lines + "}\n" }

func record(body string) *mapping.Record {
	return &mapping.Record{Body: []byte(body), SentAtMS: sentAt}
}

// row runs one body that must be accepted and returns its values by column; NULL is "<null>".
func row(tb testing.TB, program *mapping.Program, r *mapping.Record) map[string]string {
	tb.Helper()
	values, result := program.Preview(r)
	if result.Verdict != mapping.Accepted {
		tb.Fatalf("rejected as %s, field %q", result.Reason, result.Field)
	}
	byName := map[string]string{}
	for _, value := range values {
		byName[value.Name] = value.Text
		if value.Null {
			byName[value.Name] = null
		}
	}
	return byName
}

const null = "<null>"

// one runs a mapping of the one column c and returns its value, or `reason field`.
func one(tb testing.TB, column, body string) string {
	tb.Helper()
	return outcome(compile(tb, columns("c: "+column)), record(body))
}

func outcome(program *mapping.Program, r *mapping.Record) string {
	values, result := program.Preview(r)
	switch {
	case result.Verdict == mapping.Skipped:
		return "skipped"
	case result.Verdict == mapping.Rejected:
		return fmt.Sprintf("%s %s", result.Reason, result.Field)
	case values[0].Null:
		return null
	}
	return values[0].Text
}
