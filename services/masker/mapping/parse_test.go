package mapping_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/maskline/maskline/services/masker/mapping"
	"github.com/maskline/maskline/services/masker/mappings"
)

func complaints(tb testing.TB, source string) []string {
	tb.Helper()
	_, err := mapping.Parse("orders.yaml", []byte(source))
	if err == nil {
		return nil
	}
	var list mapping.ComplaintsError
	if !errors.As(err, &list) || err.Error() == "" {
		tb.Fatalf("not complaints: %v", err)
	}
	return strings.Split(err.Error(), "\n")
}

// Each column is on line 4, where its value begins in column 6.
func TestParse_ComplainsAboutColumns(t *testing.T) {
	t.Parallel()
	for column, want := range map[string]string{
		"{typ: text}":                                `4:7: unknown key "typ"; did you mean type?`,
		"{requierd: true}":                           `4:7: unknown key "requierd"; did you mean required?`,
		"{frmo: a}":                                  `4:7: unknown key "frmo"; did you mean from?`,
		"{something: a}":                             `4:7: unknown key "something"; one of: from, meta, value, type, required, default, normalize, in, min, max, mask`,
		"{coerce: true}":                             `4:7: key "coerce" is not yet supported; remove it`,
		"{format: '%d'}":                             `4:7: key "format" is not yet supported; remove it`,
		"{truncate: 5}":                              `4:7: key "truncate" is not yet supported; remove it`,
		"{type: text, type: ip}":                     `4:19: duplicate key "type", first on line 4; keep one of the two`,
		"{type: json}":                               `4:13: type "json" is not yet supported; remove the column`,
		"{type: integr}":                             `4:13: unknown type "integr"; did you mean integer?`,
		"{type: }":                                   `4:13: type is empty; write a value or remove the key`,
		"{type: 5}":                                  `4:13: type is not text; put it in quotes`,
		"{type: [text]}":                             `4:13: type is not text; write one name`,
		"":                                           `4:5: column "c" is empty; write {} for text from the field of that name`,
		"text":                                       `4:6: column "c" is not a map; write it as key: value`,
		"{from: a, meta: queue}":                     `4:16: two sources, from and meta; keep one`,
		"{from: a, value: b}":                        `4:16: two sources, from and value; keep one`,
		"{from: a..b}":                               `4:13: from "a..b" is no path: a segment is empty; write a.b, items.0.sku or 'a."b.c"'`,
		`{from: '"a'}`:                               `4:13: from "\"a" is no path: a quote is not closed; write a.b, items.0.sku or 'a."b.c"'`,
		`{from: 'a."b"c'}`:                           `4:13: from "a.\"b\"c" is no path: a closing quote is followed by something other than a dot; write a.b, items.0.sku or 'a."b.c"'`,
		"{from: []}":                                 `4:13: from is empty; write at least one path or remove the key`,
		"{from: [a, '']}":                            `4:17: from is empty; write a value or remove the key`,
		"{from: 5}":                                  `4:13: from is not text; put it in quotes`,
		"{meta: sent_dat, type: date}":               `4:13: unknown meta "sent_dat"; did you mean sent_date?`,
		"{meta: attribute.}":                         `4:13: unknown meta "attribute."; did you mean attribute.NAME?`,
		"{meta: receive_count}":                      `4:13: type text cannot read meta receive_count; write type: integer`,
		"{meta: sent_at, type: date}":                `4:13: type date cannot read meta sent_at; write type: timestamp`,
		"{required: yes}":                            `4:17: required is neither true nor false; write true or false`,
		"{required: true, default: a}":               `4:23: required and default exclude each other; remove one`,
		"{default: 5}":                               `4:16: default is not a string, which type text needs; put it in quotes`,
		"{type: integer, default: a}":                `4:31: default is not a number, which type integer needs; write a number`,
		"{type: integer, default: 0x1f}":             `4:31: default is not a number, which type integer needs; write a number`,
		"{type: integer, default: 1.5}":              `4:31: default "1.5" breaks the column's own rules (wrong_type); write a value that the column takes`,
		"{type: float, default: .inf}":               `4:29: default is not a number, which type float needs; write a number`,
		"{type: boolean, default: 'a'}":              `4:31: default is not true or false, which type boolean needs; write true or false`,
		"{type: version, default: 2.3}":              `4:31: default is not a string, which type version needs; put it in quotes`,
		"{type: ip, default: x}":                     `4:26: default "x" breaks the column's own rules (bad_format); write a value that the column takes`,
		"{max: 2, default: abc}":                     `4:24: default "abc" breaks the column's own rules (too_long); write a value that the column takes`,
		"{in: [a], default: b}":                      `4:25: default "b" breaks the column's own rules (not_in_set); write a value that the column takes`,
		"{default: ~}":                               `4:16: default is null; remove it; what is missing is NULL anyway`,
		`{default: "a\0"}`:                           `4:16: default holds a zero byte; Postgres cannot store it; remove it`,
		"{normalize: [trim, lowr]}":                  `4:25: unknown step "lowr"; did you mean lower?`,
		"{normalize: trim}":                          `4:18: normalize is not a list; write [trim, lower]`,
		"{type: ip, normalize: [trim]}":              `4:17: normalize is for text, not for ip; remove it`,
		"{in: a}":                                    `4:11: in is not a list of values; write [a, b]`,
		"{in: []}":                                   `4:11: in is not a list of values; write [a, b]`,
		"{in: [a, 5]}":                               `4:15: in item is not a string, which type text needs; put it in quotes`,
		"{type: integer, in: [1, a]}":                `4:30: in item is not a number, which type integer needs; write a number`,
		"{type: date, in: ['2024-2-1']}":             `4:24: in item "2024-2-1" does not read as date (bad_format); write a valid value`,
		"{in: [A], normalize: [lower]}":              `4:12: in item "A" is never met: normalize changes it; write it as normalize leaves it`,
		"{min: 5, max: 4}":                           `4:12: min is greater than max; swap them`,
		"{min: -1}":                                  `4:12: min of text counts characters; write a whole number from 0`,
		"{max: 1.5}":                                 `4:12: max of text counts characters; write a whole number from 0`,
		"{max: a}":                                   `4:12: max is not a number; write a number`,
		"{type: ip, max: 5}":                         `4:17: max is for text and numbers, not for ip; remove it`,
		"{mask: }":                                   `4:13: mask is empty; write mask: {kind: hmac-sha256, domain: NAME} or remove the key`,
		"{mask: {}}":                                 `4:13: mask is empty; write mask: {kind: hmac-sha256, domain: NAME} or remove the key`,
		"{mask: redact}":                             `4:13: mask is not a map; write it as key: value`,
		"{mask: {domain: d}}":                        `4:13: mask has no kind; one of: hmac-sha256, sha256, nullify, redact`,
		"{mask: {kind: hmac-sha256}}":                `4:13: kind hmac-sha256 needs a domain; add domain: NAME; columns whose masks shall match share one`,
		"{mask: {kind: hmac, domain: d}}":            `4:20: unknown kind "hmac"; one of: hmac-sha256, sha256, nullify, redact`,
		"{mask: {kind: sha-256}}":                    `4:20: unknown kind "sha-256"; did you mean sha256?`,
		"{mask: {kind: null}}":                       `4:20: null is no kind of mask: in YAML it means nothing; write kind: nullify to write NULL`,
		"{mask: {kind: 'null'}}":                     `4:20: null is no kind of mask: in YAML it means nothing; write kind: nullify to write NULL`,
		"{mask: {kind: redact, salt_from: a}}":       `4:28: kind redact has no salt; remove salt_from`,
		"{mask: {kind: sha256, domain: d}}":          `4:28: kind sha256 has no domain; remove domain`,
		`{mask: {kind: hmac-sha256, domain: "a\0"}}`: `4:41: domain holds a zero byte; remove it`,
		"{mask: {kind: redact, sallt_from: a}}":      `4:28: unknown key "sallt_from"; did you mean salt_from?`,
		"{mask: {kind: sha256, salt_from: a.}}":      `4:39: salt_from "a." is no path: a segment is empty; write a.b, items.0.sku or 'a."b.c"'`,
		"{type: float, mask: {kind: redact}}":        `4:27: a mask is for text, ip, integer, uuid and date, not for float; read it as text, or remove the column`,
		"{value: a, required: true}":                 `4:17: required has no effect: a constant value is never missing; remove required`,
		"{value: 5}":                                 `4:14: value is not a string, which type text needs; put it in quotes`,
		"&x {}":                                      `4:6: an anchor; write the value out where it is used`,
		"!!map {}":                                   `4:6: a tag; remove it; the key's meaning gives the type`,
		"{? [a] : b}":                                `4:9: a key that is not a name; write a name`,
		"{type: numeric, max: 1e-1001}":              `4:27: max has more than 1000 digits; write a smaller number`,
	} {
		got := complaints(t, "version: 1\ntable: t\ncolumns:\n  c: "+column)
		if len(got) != 1 || got[0] != "orders.yaml:"+want {
			t.Errorf("%.60s\n got  %q\n want %q", column, got, "orders.yaml:"+want)
		}
	}
}

func TestParse_ComplainsAboutTheWhole(t *testing.T) {
	t.Parallel()
	const rest = "version: 1\ntable: t\ncolumns: {c: {}}\n"
	long := strings.Repeat("x", 64)
	for source, want := range map[string]string{
		"":                                       `1:1: the file is empty; begin with version: 1`,
		"[]":                                     `1:1: the file is not a map; begin with version: 1`,
		"version: 1\ncolumns: {c: {}}":           `1:1: key "table" is missing; add it: a mapping needs version, table and columns`,
		"version: 2\ntable: t\ncolumns: {c: {}}": `1:10: version is not 1; write version: 1, the only grammar there is`,
		"version: '1'\ntable: t\ncolumns: {c: {}}":                  `1:10: version is not 1; write version: 1, the only grammar there is`,
		"version: 1\ntable: a.b.c\ncolumns: {c: {}}":                `2:8: table "a.b.c" has more than two parts; write name or schema.name`,
		"version: 1\ntable: a.\ncolumns: {c: {}}":                   `2:8: table "a." is no name; begin with a letter or _, go on with letters, digits, _ or $`,
		"version: 1\ntable: 'a b'\ncolumns: {c: {}}":                `2:8: table "a b" is no name; begin with a letter or _, go on with letters, digits, _ or $`,
		"version: 1\ntable: " + long + "\ncolumns: {c: {}}":         `2:8: table "` + long + `" is longer than 63 bytes; shorten it; Postgres would cut it`,
		"version: 1\ntable: t\ncolumns: {}":                         `3:10: there is no column; add one, for example user_id: {type: text}`,
		"version: 1\ntable: t\ncolumns: [c]":                        `3:10: columns is not a map; write it as key: value`,
		"version: 1\ntable: t\ncolumns: {1c: {}}":                   `3:11: column "1c" is no name; begin with a letter or _, go on with letters, digits, _ or $`,
		"version: 1\ntable: t\ncolumns: {event_id: {}}":             `3:11: every row has event_id already; remove it; for the id that SQS gave, name the column message_id: {meta: message_id}`,
		"version: 1\ntable: t\ncolumns:\n  c: {}\n  d: {}\n  c: {}": `6:3: two columns of the name "c", first on line 4; rename or remove one`,
		rest + "colums: {}":                                         `4:1: unknown key "colums"; did you mean columns?`,
		rest + "dedup: {by: a}":                                     `4:1: key "dedup" is not yet supported; remove it`,
		rest + "envelope: sns":                                      `4:1: key "envelope" is not yet supported; remove it`,
		rest + "each: items":                                        `4:1: key "each" is not yet supported; remove it`,
		rest + "route: {}":                                          `4:1: key "route" is not yet supported; remove it`,
		rest + "strict: true":                                       `4:1: key "strict" is not yet supported; remove it`,
		rest + "table: u":                                           `4:1: duplicate key "table", first on line 2; keep one of the two`,
		rest + "<<: {a: b}":                                         `4:1: a merge key; write the keys out`,
		rest + "otherwise: skip":                                    `4:1: otherwise without when has no effect; add when or remove otherwise`,
		rest + "ignore: [a]":                                        `4:1: ignore has no effect here; add unknown_fields: reject or remove ignore`,
		rest + "unknown_fields: rejct":                              `4:17: unknown unknown_fields "rejct"; did you mean reject?`,
		rest + "unknown_fields: reject\nignore: a":                  `5:9: ignore is not a list; write [path, path]`,
		rest + "unknown_fields: reject\nignore: [a..b]":             `5:10: ignore "a..b" is no path: a segment is empty; write a.b, items.0.sku or 'a."b.c"'`,
		rest + "when: {a: 1}\notherwise: ignore":                    `5:12: unknown otherwise "ignore"; one of: reject, skip`,
		rest + "when: {}":                                           `4:7: when is empty; add path: value or remove it`,
		rest + "when: {a: {b: c}}":                                  `4:11: when compares with text, numbers, true, false and null; write one of these, or a list of them`,
		rest + "when: {a: []}":                                      `4:11: when "a" has no value; write at least one`,
		rest + "when: {a: 0x1}":                                     `4:11: when compares with text, numbers, true, false and null; write one of these, or a list of them`,
		rest + "when: {a: 1, a: 2}":                                 `4:14: duplicate key "a", first on line 4; list the values: [a, b]`,
		rest + "---\na: b":                                          `4:1: a second document; keep one mapping in one file`,
		"version: 1\n  table: t":                                    `2:1: not valid YAML: mapping values are not allowed in this context; mend the syntax`,
		strings.Repeat(" ", 1<<20) + rest:                           `1:1: the file is larger than 1 MiB; write a smaller mapping`,
	} {
		got := complaints(t, source)
		if len(got) != 1 || got[0] != "orders.yaml:"+want {
			t.Errorf("%.80s\n got  %q\n want %q", source, got, "orders.yaml:"+want)
		}
	}
}

func TestParse_ComplainsAboutEverythingAtOnceInOrder(t *testing.T) {
	t.Parallel()
	got := complaints(t, `version: 1
tabel: t
columns:
  a: &x {type: txt}
  b: *x
  a: {}
  c: {from: p, value: q, mask: }
  d: {mask: {kind: hmac-sha256}}
`)
	want := []string{
		`1:1: key "table" is missing; add it: a mapping needs version, table and columns`,
		`2:1: unknown key "tabel"; did you mean table?`,
		`4:6: an anchor; write the value out where it is used`,
		`4:16: unknown type "txt"; did you mean text?`,
		`5:6: an alias; write the value out`,
		`6:3: two columns of the name "a", first on line 4; rename or remove one`,
		`7:16: two sources, from and value; keep one`,
		`7:32: mask is empty; write mask: {kind: hmac-sha256, domain: NAME} or remove the key`,
		`8:13: kind hmac-sha256 needs a domain; add domain: NAME; columns whose masks shall match share one`,
	}
	for i := range want {
		want[i] = "orders.yaml:" + want[i]
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestParse_Warns(t *testing.T) {
	t.Parallel()
	m, err := mapping.Parse("w.yaml", []byte(columns("a: {from: ip, type: ip}, b: {from: ip, type: ip, mask: {kind: sha256}}")))
	if err != nil {
		t.Fatal(err)
	}
	got := m.Warnings()
	if len(got) != 2 || !strings.HasPrefix(got[0], `w.yaml:3:11: column "a" writes field "ip" as it is, and another column masks it; `) ||
		!strings.HasPrefix(got[1], "w.yaml:3:73: kind sha256 is weak: ") {
		t.Errorf("got %q", got)
	}
}

func TestBuiltIn_EachMappingCompilesAndOnlyTheOriginalIsWarnedAbout(t *testing.T) {
	t.Parallel()
	names := mappings.Names()
	if strings.Join(names, " ") != "login login-joinable login-original" {
		t.Fatalf("names %v", names)
	}
	hashes := map[[32]byte]string{}
	for _, name := range names {
		m := builtin(t, name).Mapping()
		if other, same := hashes[m.Hash()]; same {
			t.Errorf("%s and %s have one hash", name, other)
		}
		hashes[m.Hash()] = name
		if warned := len(m.Warnings()) > 0; warned != (name == "login-original") {
			t.Errorf("%s: warnings %q", name, m.Warnings())
		}
		if m.Table() != "user_logins" {
			t.Errorf("%s: table %s", name, m.Table())
		}
	}
	if _, found := mappings.Source("login.yaml"); !found {
		t.Error("login.yaml is not found by its file name")
	}
	if _, found := mappings.Source("../mappings"); found {
		t.Error("a path is found")
	}
}
