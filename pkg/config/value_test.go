package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestDecode_RulesByType(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		of   any
		text string
		want any
		rule string
	}{
		{time.Duration(0), "30", nil, "needs a unit, such as 30s or 30ms"},
		{time.Duration(0), "1.5", nil, "needs a unit, such as 1.5s or 1.5ms"},
		{time.Duration(0), "0", time.Duration(0), ""},
		{time.Duration(0), "soon", nil, "a time with its unit, such as 500ms, 20s or 5m"},
		{time.Duration(0), "1m30s", 90 * time.Second, ""},
		{0, "1.5", nil, "a whole number"},
		{0, "-3", -3, ""},
		{int64(0), "99999999999999999999", nil, "a whole number"},
		{false, "yes", nil, "true or false"},
		{false, "1", true, ""},
		{[]string(nil), "a,,b", nil, "a comma list without empty entries"},
		{[]string(nil), " ", []string(nil), ""},
		{Bytes(0), "1 MiB", Bytes(1 << 20), ""},
		{Bytes(0), "-1", nil, "a size, such as 64MiB or 1GiB"},
		{Bytes(0), "9999999TiB", nil, "a size, such as 64MiB or 1GiB"},
	} {
		v, rule := decode(reflect.TypeOf(c.of), c.text)
		if rule != c.rule || rule == "" && !reflect.DeepEqual(v.Interface(), c.want) {
			t.Errorf("%T %q: %v, %q", c.of, c.text, v, rule)
		}
	}
}

func TestBytes_PrintsTheLargestUnitThatDivides(t *testing.T) {
	t.Parallel()
	for n, want := range map[Bytes]string{0: "0", 1: "1", 1023: "1023", 1024: "1KiB", 64 << 20: "64MiB", 3 << 39: "1536GiB", 1 << 40: "1TiB"} {
		if got := n.String(); got != want {
			t.Errorf("%d: %s", int64(n), got)
		}
		if back, err := ParseBytes(want); err != nil || back != n {
			t.Errorf("%s: %d, %v", want, int64(back), err)
		}
	}
}

func TestFormatDuration_LeavesOutZeroUnits(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"0": "0s", "60s": "1m", "90s": "1m30s", "3600s": "1h", "10m": "10m", "1h10m": "1h10m", "10s": "10s"} {
		d, _ := duration(text)
		if got := formatDuration(d); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func TestSecret_PrintsAsStarsInEveryWay(t *testing.T) {
	t.Parallel()
	const text = "hunter2"
	type inside struct {
		Public  Secret
		private Secret
	}
	s := NewSecret(text)
	in := inside{s, s}
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%p", "%08v"} {
		for _, value := range []any{s, &s, in, &in, []Secret{s}, map[string]Secret{"k": s}, any(in)} {
			fmt.Fprintf(&out, verb+"\n", value)
		}
	}
	for _, value := range []any{s, &s, in} {
		encoded, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(encoded)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "s", s, "in", in)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "s", s, "in", in)
	out.Write(log.Bytes())
	for _, shape := range []string{text, fmt.Sprintf("%x", text), fmt.Sprintf("%X", text)} {
		if strings.Contains(out.String(), shape) {
			t.Errorf("%s shows in:\n%s", shape, out.String())
		}
	}
	if s.Reveal() != text || fmt.Sprint(s) != "***" || (Secret{}).Reveal() != "" || fmt.Sprint(Secret{}) != "" {
		t.Errorf("reveal %q, print %q", s.Reveal(), fmt.Sprint(s))
	}
}

func TestParseFile_FormatTable(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		`A=b`:             `b`,
		`A = b c `:        `b c`,
		"A=b\r":           `b`,
		`A="b # c" # d`:   `b # c`,
		`A='b "c" \'`:     `b "c" \`,
		`A="b \"c\" \\d"`: `b "c" \d`,
		`A=b#c`:           `b#c`,
		`A=`:              ``,
		`A=b=c`:           `b=c`,
		"\ufeffA=b":       `b`,
		`A=$B`:            `$B`,
	} {
		entries, complaints := parseFile("f", []byte(line))
		if len(complaints) > 0 || len(entries) != 1 || entries[0] != (entry{"A", want, 1}) {
			t.Errorf("%q: %v, %v", line, entries, complaints)
		}
	}
	for line, rule := range map[string]string{
		`export A=b`: "not NAME=value",
		`a=b`:        "not NAME=value",
		`1A=b`:       "not NAME=value",
		`=b`:         "not NAME=value",
		`A`:          "not NAME=value",
		`A="b`:       "the closing quote is missing",
		`A="b" c`:    "text after the closing quote",
		`A=b # c`:    "put quotes around a value that holds a #, or the comment on a line of its own",
		"A=b\x00":    "not UTF-8 text",
		"A=\xff":     "not UTF-8 text",
	} {
		entries, complaints := parseFile("f", []byte(line))
		if len(entries) > 0 || len(complaints) != 1 || complaints[0].Rule != rule {
			t.Errorf("%q: %v, %v", line, entries, complaints)
		}
	}
}

// FuzzParseFile: every line is an entry, a complaint that does not quote it, or blank; and a value that was quoted comes
// back.
func FuzzParseFile(f *testing.F) {
	f.Add("A=b\n# c\nA='x'", "value")
	f.Add("\ufeffexport A=b\r\nA=\"\\\"\"", "with \"quotes\" \\ and # signs")
	f.Fuzz(func(t *testing.T, content, value string) {
		entries, complaints := parseFile("f", []byte(content))
		lines := strings.Count(content, "\n") + 1
		if len(entries)+len(complaints) > lines {
			t.Fatalf("%d entries and %d complaints of %d lines", len(entries), len(complaints), lines)
		}
		for _, c := range complaints {
			if c.Line < 1 || c.Line > lines || c.Value != "" {
				t.Fatalf("complaint %+v", c)
			}
		}
		for _, e := range entries {
			if !isName(e.key) || e.line < 1 || e.line > lines {
				t.Fatalf("entry %+v", e)
			}
		}
		if strings.ContainsAny(value, "\n\x00") || strings.ToValidUTF8(value, "") != value {
			return
		}
		quoted := `A="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
		if back, bad := parseFile("f", []byte(quoted)); len(bad) > 0 || back[0].value != value {
			t.Fatalf("%s: %v, %v", quoted, back, bad)
		}
	})
}

func TestDidYouMean_OnlyWhatIsNear(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"WAITTIME": "MASKLINE_WAIT_TIME", "QUUEE": "MASKLINE_QUEUE", "MAX_MESAGES": "MASKLINE_MAX_MESSAGES",
		"PASSWORD": "", "X": "",
	} {
		got := didYouMean(name, Known(), prefix, "")
		if want == "" && got != "" || want != "" && got != "; did you mean "+want+"?" {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestKnown_IsSortedAndWithoutRepetition(t *testing.T) {
	t.Parallel()
	names := Known()
	if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Errorf("%v", names)
	}
}

func TestFromOS_IsTheProcess(t *testing.T) {
	t.Parallel()
	src := FromOS("x")
	if src.Program != "x" || !slices.Equal(src.Args, os.Args[1:]) || len(src.Environ) == 0 || src.Stdout != os.Stdout {
		t.Errorf("%+v", src)
	}
}
