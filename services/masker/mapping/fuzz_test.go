package mapping_test

import (
	"bytes"
	"encoding/json"
	"math/big"
	"strings"
	"testing"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	"github.com/maskline/maskline/services/masker/mapping"
)

const fuzzMapping = `
version: 1
table: t
columns:
  plain: {max: 100}
  secret: {mask: {kind: hmac-sha256, domain: d}}
  gone: {from: a.secret, mask: {kind: nullify}}
  hidden: {from: 'list.0', mask: {kind: redact}}
  hashed: {from: ip, type: ip, mask: {kind: sha256, salt_from: plain}}
  whole: {type: integer}
  exact: {type: numeric}
  at: {type: timestamp}
  day: {type: date}
  id: {type: uuid}
  release: {type: version}
  sure: {type: boolean}
`

// FuzzApply holds three things against any body: nothing panics; what is accepted is one JSON object with names that
// differ, in valid UTF-8, to a reader that shares no code with ours; and no masked value is found in the output.
func FuzzApply(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"plain":"p","secret":"canary-4711","a":{"secret":"x1y2z3w4"},"list":["l9k8j7h6"],"ip":"192.0.2.77"}`,
		`{"secret":"\u0063anary","secret":"b"}`, `{"plain":"\ud800"}`, "{\"plain\":\"\xff\"}", `{"plain":"\u0000"}`, `[1]`, `{} {}`, `{"a":[[[[]]]]}`,
		`{"whole":1e3,"exact":-0.10,"at":"2024-06-12T15:42:22.785+02:00","day":"2024-02-29","id":"1a8c0722-fd55-49c0-9d63-b88d066c902d","release":"6.02","sure":true}`,
	} {
		f.Add([]byte(seed))
	}
	program := compile(f, fuzzMapping)
	worker := program.NewWorker()
	f.Fuzz(func(t *testing.T, body []byte) {
		batch := program.NewBatch()
		given := bytes.Clone(body)
		result := worker.Apply(&mapping.Record{Body: body, SentAtMS: sentAt}, batch)
		if !bytes.Equal(given, body) {
			t.Fatal("the body was changed")
		}
		if accepted := result.Verdict == mapping.Accepted; accepted != (batch.Count() == 1) || accepted != (result.Reason == "") {
			t.Fatalf("%+v with %d rows", result, batch.Count())
		}
		if result.Verdict != mapping.Accepted {
			if result.Field != "" && result.Field != mapping.Unmapped && !strings.Contains(fuzzMapping, strings.TrimSuffix(result.Field, ".secret")) {
				t.Fatalf("field %q is not of the mapping", result.Field)
			}
			return
		}
		if !utf8.Valid(body) || !referenceObject(body) {
			t.Fatal("accepted, and not one strict JSON object")
		}
		encoded, err := proto.Marshal(batch.Proto())
		if err != nil {
			t.Fatal(err)
		}
		for _, canary := range maskedValues(body) {
			if len(canary) >= 8 && bytes.Contains(encoded, []byte(canary)) {
				t.Fatalf("a masked value is in the output")
			}
		}
	})
}

// referenceObject reads body with encoding/json, token by token, and looks for what that reader lets pass.
func referenceObject(body []byte) bool {
	if !json.Valid(body) {
		return false
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	first, err := decoder.Token()
	return err == nil && first == json.Delim('{') && referenceNames(decoder)
}

// referenceNames reads the rest of an object and reports whether all names differ, here and further down.
func referenceNames(decoder *json.Decoder) bool {
	seen := map[string]bool{}
	for decoder.More() {
		name, err := decoder.Token()
		text, isText := name.(string)
		if err != nil || !isText || seen[text] {
			return false
		}
		seen[text] = true
		if !referenceValue(decoder) {
			return false
		}
	}
	_, err := decoder.Token()
	return err == nil
}

func referenceValue(decoder *json.Decoder) bool {
	token, err := decoder.Token()
	if err != nil {
		return false
	}
	switch token {
	case json.Delim('{'):
		return referenceNames(decoder)
	case json.Delim('['):
		for decoder.More() {
			if !referenceValue(decoder) {
				return false
			}
		}
		_, err = decoder.Token()
	}
	return err == nil
}

// maskedValues returns the values of the masked fields, unless the body has the same text where it is allowed.
func maskedValues(body []byte) []string {
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil {
		return nil
	}
	var secrets []string
	add := func(raw json.RawMessage) {
		var text string
		if json.Unmarshal(raw, &text) == nil {
			secrets = append(secrets, text)
		}
	}
	var inner map[string]json.RawMessage
	var list []json.RawMessage
	add(fields["secret"])
	add(fields["ip"])
	if json.Unmarshal(fields["a"], &inner) == nil {
		add(inner["secret"])
	}
	if json.Unmarshal(fields["list"], &list) == nil && len(list) > 0 {
		add(list[0])
	}
	allowed := ""
	for name, raw := range fields {
		var text string
		if name != "secret" && name != "ip" && name != "a" && name != "list" {
			_ = json.Unmarshal(raw, &text)
			allowed += text + "\n" + string(raw) + "\n"
		}
	}
	kept := secrets[:0]
	for _, secret := range secrets {
		if !strings.Contains(allowed, secret) {
			kept = append(kept, secret)
		}
	}
	return kept
}

// FuzzParseMapping: no YAML makes Parse panic; what it accepts compiles, runs, and keeps its hash.
func FuzzParseMapping(f *testing.F) {
	f.Add([]byte(fuzzMapping))
	for _, seed := range []string{
		hashBase, columns("c: {}"), columns("c: {value: 5, type: integer}"), columns("c: &a {in: [*a]}"), "version: 1\n  x: [", "? {a: b}\n: c", "<<: *x", "- \xff",
		columns("c: {from: 'ctx.\"x.y\".z', normalize: [trim], min: 1, max: 1e3, default: x}"), columns("c: {default: 2024-01-01, type: timestamp}"),
	} {
		f.Add([]byte(seed))
	}
	set := goldenKeys(f)
	f.Fuzz(func(t *testing.T, source []byte) {
		m, err := mapping.Parse("fuzz.yaml", source)
		if err != nil {
			for line := range strings.SplitSeq(err.Error(), "\n") {
				if !strings.HasPrefix(line, "fuzz.yaml:") || !strings.Contains(line, "; ") {
					t.Fatalf("complaint %q", line)
				}
			}
			return
		}
		again, err := mapping.Parse("other.yaml", source)
		if err != nil || again.Hash() != m.Hash() || len(m.Columns()) == 0 || m.Table() == "" {
			t.Fatalf("second reading: %v", err)
		}
		program, err := mapping.Compile(m, set)
		if err != nil {
			t.Fatal(err)
		}
		program.Preview(record(`{"c":"x","a":{"b":[1,{}]}}`))
	})
}

// FuzzNumbers holds integer and numeric against math/big.
func FuzzNumbers(f *testing.F) {
	for _, seed := range []string{"0", "-0", "1e3", "10.0", "1.5", "-123.4500e-2", "1e-3", "9007199254740993", "0.000e9", "1E+10"} {
		f.Add(seed)
	}
	whole, exact := compile(f, columns("c: {type: integer}")), compile(f, columns("c: {type: numeric, in: [0, 1, 2.5, -1000]}"))
	f.Fuzz(func(t *testing.T, number string) {
		if len(number) > 40 || !json.Valid([]byte(number)) || strings.Trim(number, "-0123456789.eE+") != "" {
			return
		}
		if at := strings.IndexAny(number, "eE"); at >= 0 && len(number)-at > 4 {
			return // Beyond a few hundred digits, which math/big would write out.
		}
		want, ok := new(big.Rat).SetString(number)
		if !ok {
			t.Fatalf("%s is no number to math/big", number)
		}
		got := outcome(whole, record(`{"c":`+number+`}`))
		switch {
		case got == "out_of_range c":
		case want.IsInt() && got != want.Num().String():
			t.Errorf("%s: got %s, want %s", number, got, want.Num())
		case !want.IsInt() && got != "wrong_type c":
			t.Errorf("%s: got %s", number, got)
		}
		inSet := false
		for _, allowed := range []string{"0", "1", "2.5", "-1000"} {
			other, _ := new(big.Rat).SetString(allowed)
			inSet = inSet || want.Cmp(other) == 0
		}
		if got := outcome(exact, record(`{"c":`+number+`}`)); (got == number) != inSet {
			t.Errorf("%s in the set: got %s, want %v", number, got, inSet)
		}
	})
}
