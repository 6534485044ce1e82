package traffic_test

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/maskline/maskline/services/maskline/traffic"
)

func TestRead_TakesMessagesAsTheyStand(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		content string
		want    []string
	}{
		"array":                     {"[{\"a\": 1.50},\n {\"b\":\"\\u00e4 \xc3\xa4\"} , 7, null]", []string{`{"a": 1.50}`, "{\"b\":\"\\u00e4 \xc3\xa4\"}", "7", "null"}},
		"array with an inner break": {"[\n  {\n    \"a\": 1\n  }\n]\n", []string{"{\n    \"a\": 1\n  }"}},
		"array with duplicate keys": {`[{"a":1,"a":2}]`, []string{`{"a":1,"a":2}`}},
		"lines":                     {"{\"a\":1}\n{\"b\":2}\n", []string{`{"a":1}`, `{"b":2}`}},
		"lines without an end":      {"{\"a\":1}\r\n\r\n  \n ping \n{\"b\"", []string{`{"a":1}`, " ping ", `{"b"`}},
		"lines that are arrays":     {"[1,2]\n[3]\n", []string{"[1,2]", "[3]"}},
		"one document":              {"{\n \"a\": 1\n}\n", []string{"{\n \"a\": 1\n}"}},
		"byte order mark":           {"\ufeff[1]", []string{"1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, content := range [][]byte{[]byte(c.content), packed(t, c.content)} {
				messages, err := traffic.Read("in", bytes.NewReader(content))
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, m := range messages {
					got = append(got, m.Body)
				}
				if !slices.Equal(got, c.want) {
					t.Errorf("got %q, want %q", got, c.want)
				}
			}
		})
	}
}

func TestReadFile_RefusesWithThePlaceAndNeverAValue(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ content, want string }{
		"empty":            {" \n", "no message in it"},
		"empty array":      {"[]", "no message in it"},
		"broken array":     {"[{\"ip\":\"sesame\"},\n{\"ip\":sesame}]", "element 2"},
		"array without ]":  {"[{\"ip\":\"sesame\"},\n", "element 2"},
		"more after array": {"[\n1]\nsesame", "more follows"},
		"not UTF-8":        {"{\"a\":1}\nsesame\xff\n", "line 2: not UTF-8"},
		"control":          {"sesame\x01\n", "line 1: character U+0001"},
		"too large":        {strings.Repeat("sesame", 200_000), "line 1: 1200000 bytes"},
		"broken gzip":      {"\x1f\x8bsesame", "unpack: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "in.jsonl")
			if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := traffic.ReadFile(path)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "in.jsonl") {
				t.Fatalf("got %v, want in.jsonl and %q", err, c.want)
			}
			if strings.Contains(err.Error(), "sesame") {
				t.Errorf("the error quotes the content: %v", err)
			}
		})
	}
	if _, err := traffic.ReadFile(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a file that is not there is read")
	}
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{"", "[", "[1,2]", "{}\n{}", "[1]\n[2]", "\x1f\x8b", "\ufeff[]", "[{]}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		messages, err := traffic.Read("in", bytes.NewReader(content))
		if err == nil && len(messages) == 0 {
			t.Fatal("neither a message nor an error")
		}
		if bytes.HasPrefix(content, []byte{0x1f, 0x8b}) {
			return
		}
		for _, m := range messages {
			if !bytes.Contains(content, []byte(m.Body)) {
				t.Fatalf("%s was changed on the way", m.Place)
			}
		}
	})
}

func packed(t *testing.T, content string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
