package oracle_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/maskline/maskline/services/masker"
	"github.com/maskline/maskline/services/masker/mapping"
	"github.com/maskline/maskline/services/maskline/oracle"
	"github.com/maskline/maskline/services/maskline/traffic"
)

// The key of the golden values in docs/mapping.md.
const goldenKey = `{"version":1,"keys":[{"id":"k1","state":"primary","secret":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}]}`

func newOracle(t *testing.T, mapping string) *oracle.Oracle {
	t.Helper()
	o, err := oracle.New(mapping, []byte(goldenKey))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// TestLaw_TheOracleSharesNothingWithTheMasker asks the compiler: what shares code shares mistakes.
func TestLaw_TheOracleSharesNothingWithTheMasker(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for dep := range strings.Lines(string(out)) {
		dep = strings.TrimSpace(dep)
		first, _, _ := strings.Cut(dep, "/")
		if strings.Contains(first, ".") && !strings.HasSuffix(dep, "services/maskline/oracle") {
			t.Errorf("the oracle holds %s, which is not of the standard library", dep)
		}
	}
}

// The vectors stand in docs/mapping.md.
func TestExpect_GivesTheDocumentedVectors(t *testing.T) {
	t.Parallel()
	const body = `{"user_id":"424cdd21-063a-43a7-b91b-7ca1a833afae","app_version":"6.02","ip":"199.172.111.135","device_id":"593-47-5928"}`
	for name, want := range map[string][2]string{
		"login":          {"h1.k1.csppddbjigkc2mxtybc2uaoi7e", "h1.k1.qmazbqo4dfkiitjhctzohjfqfq"},
		"login-joinable": {"h1.k1.5xbqqmf24dsq6j7htfbl32btxe", "h1.k1.3knwqrqlrl7b7xfgexzg67awjm"},
		"login-original": {"5afea4ae754e35eb327312b7a93307691f3f41a83b58de379bbc051643bbb03b", ""},
	} {
		row := newOracle(t, name).Expect(body).Row
		if got := *row["masked_ip"]; got != want[0] {
			t.Errorf("%s: masked_ip %s, want %s", name, got, want[0])
		}
		if got := *row["masked_device_id"]; want[1] != "" && got != want[1] {
			t.Errorf("%s: masked_device_id %s, want %s", name, got, want[1])
		}
		if got := *row["app_version"]; got != "6002000" || row["locale"] != nil {
			t.Errorf("%s: app_version %s, locale %v", name, got, row["locale"])
		}
	}
}

// TestExpect_AgreesWithTheMaskerOnBrokenAndMutatedBodies is differential: neither of the two is right by definition, and
// a difference is a mistake of one of them.
func TestExpect_AgreesWithTheMaskerOnBrokenAndMutatedBodies(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"login", "login-joinable", "login-original"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, judge := newOracle(t, name), newMasker(t, name)
			random := rand.New(rand.NewPCG(7, uint64(len(name))))
			reasons := map[string]int{}
			for _, body := range bodies(random) {
				got := o.Expect(body)
				reasons[got.Reason]++
				if want := judge(body); !equal(got, want) {
					t.Fatalf("%q: got %v %s %s, the masker says %v %s %s", body, texts(got.Row), got.Reason, got.Column, texts(want.Row), want.Reason, want.Column)
				}
			}
			for _, reason := range []string{
				"", "not_json", "trailing_data", "duplicate_key", "invalid_utf8", "nul_character", "not_object", "too_deep",
				"missing", "wrong_type", "bad_format", "too_long",
			} {
				if reasons[reason] == 0 {
					t.Errorf("no body came to reason %q: it was not compared", reason)
				}
			}
		})
	}
}

func TestNew_RefusesWhatItCannotAnswerForAndQuotesNoKey(t *testing.T) {
	t.Parallel()
	secret := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("s"), 31))
	for want, c := range map[string][2]string{
		"mapping orders.yaml": {"orders.yaml", goldenKey},
		"no JSON":             {"login", "sesame"},
		"no primary key":      {"login", strings.Replace(goldenKey, "primary", "retired", 1)},
		"32 bytes":            {"login", `{"keys":[{"id":"k1","state":"primary","secret":"` + secret + `"}]}`},
	} {
		_, err := oracle.New(c[0], []byte(c[1]))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "sesame") {
			t.Errorf("got %v, want %q and no quote", err, want)
		}
	}
	if got := fmt.Sprintf("%v %+v", newOracle(t, "login"), *newOracle(t, "login")); got != "[oracle] [oracle]" {
		t.Errorf("an oracle prints as %q", got)
	}
}

// newMasker is the code under test as a judge of the oracle.
func newMasker(t *testing.T, name string) func(body string) oracle.Outcome {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key.json")
	if err := os.WriteFile(path, []byte(goldenKey), 0o400); err != nil {
		t.Fatal(err)
	}
	program, _, err := masker.LoadProgram(name, path)
	if err != nil {
		t.Fatal(err)
	}
	return func(body string) oracle.Outcome {
		row, result := program.Preview(&mapping.Record{Body: []byte(body), SentAtMS: 1})
		if result.Verdict != mapping.Accepted {
			return oracle.Outcome{Reason: string(result.Reason), Column: result.Field}
		}
		return outcome(t, row)
	}
}

// bodies are samples, handmade ones, and mutations of both.
func bodies(random *rand.Rand) (all []string) {
	for _, m := range traffic.Samples(700, 3) {
		all = append(all, m.Body)
	}
	all = append(all, handmade...)
	whole := len(all)
	pieces := []string{`"`, `\`, "{", "}", "[", "]", ",", ":", " ", "\x00", "\xff", "\xed\xa0\x80", `\u0000`, `\ud800`, `\udc00`, "null", "1", "01", "é", `"ip":`, `"x":1,`}
	for range 30_000 {
		body := all[random.IntN(whole)]
		at := random.IntN(len(body) + 1)
		piece := pieces[random.IntN(len(pieces))]
		switch random.IntN(3) {
		case 0:
			all = append(all, body[:at]+piece+body[at:])
		case 1:
			all = append(all, body[:at]+piece+body[min(at+1, len(body)):])
		default:
			all = append(all, body[:at])
		}
	}
	return slices.DeleteFunc(all, func(body string) bool { return body == "" })
}

var handmade = []string{
	`{"user_id":""}`, `{"user_id":"","ip":"192.0.2.1"}`, `{"user_id":"","device_id":"d"}`, `{"user_id":null}`, `{"user_id":"u","ip":null}`, `{"user_id":"u","ip":""}`,
	`{"user_id":"u","ip":"::ffff:192.0.2.1"}`, `{"user_id":"u","ip":"2001:DB8::1"}`, `{"user_id":"u","ip":"fe80::1%eth0"}`, `{"user_id":"u","ip":"192.0.2.01"}`,
	`{"user_id":"u","app_version":"1.2.3.4"}`, `{"user_id":"u","app_version":"1..2"}`, `{"user_id":"u","app_version":"999.999.999"}`, `{"user_id":"u","app_version":2}`,
	`{"user_id":"` + strings.Repeat("é", 128) + `"}`, `{"user_id":"` + strings.Repeat("é", 129) + `"}`, `{"user_id":"u","locale":"` + strings.Repeat("x", 33) + `"}`,
	`{"user_id":"u","ip":{"ip":1,"ip":2}}`, `{"user_id":"u","x":[{"a":1,"a":2}]}`, `{"\u0075ser_id":"u","user_id":"v"}`, `{"user_id":"u","user_id":"v"`,
	`{"user_id":"a\u0000"}`, `{"user_id":"u","a\u0000":1}`, `{"user_id":"u","x":"\u0000"}`, `{"user_id":"u","ip":["\u0000"]}`,
	strings.Repeat("[", 64) + strings.Repeat("]", 64), strings.Repeat("[", 65), `{"user_id":"u","x":` + strings.Repeat("[", 63) + strings.Repeat("]", 63) + `}`,
	`{"user_id":"u","x":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `}`, `[1]`, `1`, `"s"`, `null`, `{}`, ` {"user_id":"\ufffd\uFFFD"} `, `{} {}`, `1 2`, `{"x":1e5}`, `{"user_id":"😀","device_id":"\ud83d\ude00"}`,
}

func equal(a, b oracle.Outcome) bool {
	return a.Reason == b.Reason && a.Column == b.Column && maps.Equal(texts(a.Row), texts(b.Row))
}

// texts prints NULL as one that no text equals.
func texts(row map[string]*string) map[string]string {
	out := map[string]string{}
	for column, value := range row {
		out[column] = "\xffNULL"
		if value != nil {
			out[column] = *value
		}
	}
	return out
}

func FuzzExpect(f *testing.F) {
	for _, body := range handmade {
		f.Add(body)
	}
	o, err := oracle.New("login", []byte(goldenKey))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body string) {
		if got := o.Expect(body); (got.Row == nil) == (got.Reason == "") {
			t.Fatal("neither a row nor a reason, or both")
		} else if got.Row != nil && !json.Valid([]byte(body)) {
			t.Fatal("a row of what is no JSON")
		}
	})
}

func BenchmarkExpect(b *testing.B) {
	o, err := oracle.New("login", []byte(goldenKey))
	if err != nil {
		b.Fatal(err)
	}
	messages := traffic.Samples(1000, 1)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		o.Expect(messages[i%len(messages)].Body)
	}
}

func outcome(t *testing.T, row []mapping.Value) oracle.Outcome {
	t.Helper()
	out := oracle.Outcome{Row: map[string]*string{}}
	for _, v := range row {
		switch {
		case v.Name == "create_date": // about the message, not about its body
		case v.Null:
			out.Row[v.Name] = nil
		default:
			out.Row[v.Name] = &v.Text
		}
	}
	return out
}
