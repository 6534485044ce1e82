package mapping_test

import (
	"strings"
	"testing"

	"github.com/maskline/maskline/services/masker/mapping"
)

// The table of strictness (docs/mapping.md): what readers of JSON disagree about is refused.
func TestApply_IsStrictAboutJSON(t *testing.T) {
	t.Parallel()
	program := compile(t, columns("c: {from: ip}, n: {from: geo.city}"))
	deep := func(levels int) string {
		return `{"x":` + strings.Repeat("[", levels-1) + strings.Repeat("]", levels-1) + `}`
	}
	for _, test := range []struct{ name, body, want string }{
		{"plain", `{"ip":"a"}`, "a"},
		{"white space around", " \t\r\n{\"ip\":\"a\"}\n ", "a"},
		{"name in escapes", `{"\u0069p":"a"}`, "a"},
		{"only the other case", `{"IP":"a"}`, null},
		{"both cases", `{"ip":"a","IP":"b"}`, "a"},
		{"empty text is a value", `{"ip":""}`, ""},
		{"surrogate pair", `{"ip":"\ud83d\ude00"}`, "😀"},
		{"unmapped U+0000", `{"ip":"a","x":"\u0000"}`, "a"},
		{"64 levels", deep(64), null},

		{"duplicate", `{"ip":"a","ip":"b"}`, "duplicate_key ip"},
		{"duplicate in escapes", `{"ip":"a","\u0069p":"b"}`, "duplicate_key ip"},
		{"duplicate and equal", `{"ip":"a","ip":"a"}`, "duplicate_key ip"},
		{"duplicate with null", `{"ip":null,"ip":"a"}`, "duplicate_key ip"},
		{"duplicate unmapped", `{"ip":"a","x":1,"x":2}`, "duplicate_key (unmapped)"},
		{"duplicate inside", `{"geo":{"city":"a","city":"b"}}`, "duplicate_key geo.city"},
		{"duplicate on the way", `{"geo":{},"geo":{}}`, "duplicate_key geo"},
		{"duplicate inside unmapped", `{"x":{"ip":1,"ip":2}}`, "duplicate_key (unmapped)"},
		{"duplicate inside a list", `{"x":[{"y":1,"y":2}]}`, "duplicate_key (unmapped)"},
		{"duplicate empty name", `{"":1,"":2}`, "duplicate_key (unmapped)"},

		{"invalid UTF-8", "{\"ip\":\"\xff\"}", "invalid_utf8 "},
		{"invalid UTF-8, unmapped", "{\"x\":\"\xc0\xaf\"}", "invalid_utf8 "},
		{"invalid UTF-8 in a name", "{\"x\xff\":1}", "invalid_utf8 "},
		{"surrogate in UTF-8", "{\"ip\":\"\xed\xa0\x80\"}", "invalid_utf8 "},
		{"lone surrogate", `{"ip":"\ud800"}`, "invalid_utf8 "},
		{"lone low surrogate, unmapped", `{"x":"\udc00x"}`, "invalid_utf8 "},

		{"U+0000", `{"ip":"a\u0000b"}`, "nul_character ip"},
		{"U+0000 inside", `{"geo":{"city":"\u0000"}}`, "nul_character geo.city"},
		{"U+0000 in a name", `{"a\u0000":1}`, "nul_character (unmapped)"},
		{"U+0000 in a name inside", `{"x":[{"\u0000":1}]}`, "nul_character (unmapped)"},

		{"raw control character", "{\"ip\":\"a\x01\"}", "not_json "},
		{"raw zero byte", "{\"ip\":\"a\x00\"}", "not_json "},
		{"bad escape", `{"ip":"\x"}`, "not_json "},
		{"truncated", `{"ip":"a"`, "not_json "},
		{"truncated text", `{"ip":"a`, "not_json "},
		{"truncated character", "{\"ip\":\"\xc3", "not_json "},
		{"trailing comma", `{"ip":"a",}`, "not_json "},
		{"missing comma", `{"ip":"a" "x":1}`, "not_json "},
		{"missing colon", `{"ip" "a"}`, "not_json "},
		{"name without quotes", `{ip:"a"}`, "not_json "},
		{"number for a name", `{1:"a"}`, "not_json "},
		{"object for a name", `{{}:"a"}`, "not_json "},
		{"single quotes", `{'ip':'a'}`, "not_json "},
		{"comment", `{"ip":"a"/* */}`, "not_json "},
		{"leading zero", `{"x":01}`, "not_json "},
		{"plus", `{"x":+1}`, "not_json "},
		{"bad literal", `{"x":nul}`, "not_json "},
		{"NaN", `{"x":NaN}`, "not_json "},
		{"wrong bracket", `{"x":[1}`, "not_json "},
		{"byte order mark", "\ufeff{}", "not_json "},
		{"empty", ``, "not_json "},
		{"white space", " \n", "not_json "},
		{"XML", `<ip>a</ip>`, "not_json "},

		{"list", `[{"ip":"a"}]`, "not_object "},
		{"text", `"ip"`, "not_object "},
		{"number", `5`, "not_object "},
		{"null", `null`, "not_object "},
		{"broken list", `[1`, "not_json "},

		{"two objects", `{"ip":"a"}{"ip":"b"}`, "trailing_data "},
		{"garbage after", `{"ip":"a"} x`, "trailing_data "},
		{"brace after", `{"ip":"a"}}`, "trailing_data "},
		{"zero byte after", "{\"ip\":\"a\"}\x00", "trailing_data "},

		{"65 levels", deep(65), "too_deep "},
		{"100,000 levels", `{"x":` + strings.Repeat("[", 100_000), "too_deep "},
		{"100,000 levels of list", strings.Repeat("[", 100_000), "too_deep "},
		{"100,000 levels of object", strings.Repeat(`{"a":`, 100_000), "too_deep "},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := outcome(program, record(test.body)); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestApply_EachReasonOfTheMapping(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, source, body, want string }{
		{"no match", "version: 1\ntable: t\nwhen: {event.type: login}\ncolumns: {c: {}}", `{"event":{"type":"logout"},"c":"a"}`, "no_match event.type"},
		{"missing", columns("c: {from: [a.b, d], required: true}"), `{"d":null}`, "missing a.b"},
		{"wrong type", columns("c: {from: [a.b, d]}"), `{"d":5}`, "wrong_type d"},
		{"bad format", columns("c: {type: date}"), `{"c":"2024-02-30"}`, "bad_format c"},
		{"out of range", columns("c: {type: integer, max: 5}"), `{"c":6}`, "out_of_range c"},
		{"too long", columns("c: {max: 2}"), `{"c":"abc"}`, "too_long c"},
		{"not in set", columns("c: {in: [a, b]}"), `{"c":"c"}`, "not_in_set c"},
		{"unknown field", "version: 1\ntable: t\nunknown_fields: reject\ncolumns: {c: {}}", `{"c":"a","secret name":1}`, "unknown_field (unmapped)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := outcome(compile(t, test.source), record(test.body)); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestApply_UnknownFieldsAreRefusedWhenAsked(t *testing.T) {
	t.Parallel()
	program := compile(t, `
version: 1
table: t
unknown_fields: reject
ignore: [debug, meta.trace, 'list.1']
columns:
  c: {from: a.b}
  d: {from: list.0.x, mask: {kind: sha256, salt_from: salt}}
`)
	for body, want := range map[string]string{
		`{"a":{"b":"v"},"salt":"s"}`:                "v",
		`{"a":{"b":"v"},"debug":{"any":[1,2]}}`:     "v",
		`{"a":{"b":"v"},"meta":{"trace":1}}`:        "v",
		`{"a":{"b":"v"},"meta":null}`:               "v",
		`{"a":{"b":"v"},"list":[{"x":null},"any"]}`: "v",
		`{"a":{"b":"v"},"x":1}`:                     "unknown_field (unmapped)",
		`{"a":{"b":"v","c":1}}`:                     "unknown_field (unmapped)",
		`{"a":{"b":"v"},"meta":{"trace":1,"x":1}}`:  "unknown_field (unmapped)",
		`{"a":{"b":"v"},"meta":"text"}`:             "unknown_field meta",
		`{"a":{"b":"v"},"list":[{"x":null},1,2]}`:   "unknown_field (unmapped)",
		`{"a":{"b":{"c":1}}}`:                       "wrong_type a.b",
		`{"a":5}`:                                   "unknown_field a",
	} {
		if got := outcome(program, record(body)); got != want {
			t.Errorf("%s: got %s, want %s", body, got, want)
		}
	}
}

func TestApply_WhenChoosesRecords(t *testing.T) {
	t.Parallel()
	const source = `
version: 1
table: t
when: {type: [login, sso], version: 2, test: [false, null]}
otherwise: skip
unknown_fields: reject
columns: {c: {}}
`
	program := compile(t, source)
	for body, want := range map[string]string{
		`{"c":"v","type":"login","version":2}`:                  "v",
		`{"c":"v","type":"sso","version":2.0,"test":false}`:     "v",
		`{"c":"v","type":"login","version":0.2e1,"test":null}`:  "v",
		`{"c":"v","type":"logout","version":2}`:                 "skipped",
		`{"c":"v","type":"Login","version":2}`:                  "skipped",
		`{"c":"v","type":"login","version":"2"}`:                "skipped",
		`{"c":"v","type":"login","version":3}`:                  "skipped",
		`{"c":"v","type":"login","version":2,"test":true}`:      "skipped",
		`{"c":"v","version":2}`:                                 "skipped",
		`{"c":5,"type":"logout","version":2,"x":"not wanted"}`:  "skipped",
		`{"c":"v","type":"login","version":2,"x":"not wanted"}`: "unknown_field (unmapped)",
		`{"c":"v","type":"logout","version":2`:                  "not_json ",
		`{"c":"v","type":"logout","version":2,"version":2}`:     "duplicate_key version",
		`{"c":"v","type":{"a":1},"version":2}`:                  "skipped",
		`{"c":"v","type":"login","version":1e9999999999999999}`: "skipped",
		`{"c":"v","type":"login","version":2e0,"test":"false"}`: "skipped",
		`{"c":"v","type":"login","version":2,"test":false} {} `: "trailing_data ",
	} {
		if got := outcome(program, record(body)); got != want {
			t.Errorf("%s: got %s, want %s", body, got, want)
		}
	}
	rejecting := compile(t, strings.Replace(source, "otherwise: skip", "otherwise: reject", 1))
	if got := outcome(rejecting, record(`{"type":"login","version":1}`)); got != "no_match version" {
		t.Errorf("got %s", got)
	}
}

func TestApply_RejectedAndSkippedLeaveTheBatchAsItIs(t *testing.T) {
	t.Parallel()
	program := compile(t, "version: 1\ntable: t\nwhen: {w: true}\notherwise: skip\ncolumns: {a: {}, b: {type: integer}}")
	worker, batch := program.NewWorker(), program.NewBatch()
	for i, body := range []string{
		`{"w":true,"a":"1","b":1}`, `{"w":true,"a":"2","b":"x"}`, `{"w":false,"a":"3","b":3}`, `{"w":true,"a":"4"`, `{"w":true,"a":null,"b":4}`,
	} {
		worker.Apply(&mapping.Record{Body: []byte(body), EventID: [16]byte{byte(i)}}, batch)
	}
	if batch.Count() != 2 {
		t.Fatalf("%d rows", batch.Count())
	}
	message := batch.Proto()
	a, b := message.GetColumns()[0], message.GetColumns()[1]
	if string(a.GetData()) != "1" || string(b.GetData()) != "14" || len(a.GetNulls()) != 1 || a.GetNulls()[0] != 2 || len(b.GetNulls()) != 0 {
		t.Errorf("columns %v, %v", a, b)
	}
	if ids := message.GetEventIds(); len(ids) != 32 || ids[0] != 0 || ids[16] != 4 {
		t.Errorf("event ids %x", ids)
	}
}

func TestApply_RowBeyondTheLimitIsTooLong(t *testing.T) {
	t.Parallel()
	var lines []string
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		lines = append(lines, name+": {from: x}")
	}
	program := compile(t, columns(strings.Join(lines, ", ")))
	body := func(n int) string { return `{"x":"` + strings.Repeat("y", n) + `"}` }
	if got := outcome(program, record(body(mapping.MaxRowBytes/5+1))); got != "too_long x" {
		t.Errorf("got %.40s", got)
	}
	if got := outcome(program, record(body(mapping.MaxRowBytes/5))); len(got) != mapping.MaxRowBytes/5 {
		t.Errorf("got %d bytes", len(got))
	}
}
