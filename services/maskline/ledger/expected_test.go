package ledger_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/maskline/maskline/services/maskline/ledger"
	"github.com/maskline/maskline/services/maskline/oracle"
	"github.com/maskline/maskline/services/maskline/traffic"
)

const goldenKey = `{"version":1,"keys":[{"id":"k1","state":"primary","secret":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}]}`

func TestLedgerFile_IsReadAsItWasWrittenAndHoldsNoRawValue(t *testing.T) {
	t.Parallel()
	o, err := oracle.New("login", []byte(goldenKey))
	if err != nil {
		t.Fatal(err)
	}
	var entries []ledger.Expected
	refused := 0
	for _, m := range (traffic.Blend{Messages: 500, Seed: 2, Bad: 0.2, Refused: 0.5}).Generate() {
		e := ledger.Expect(o, "id of "+m.Place, m)
		if bad := m.Malformed || m.Refused; bad != (e.Row == nil) || bad != (e.Reason != "") {
			t.Fatalf("%s: malformed %v, refused %v, expected %v %s", m.Place, m.Malformed, m.Refused, e.Row != nil, e.Reason)
		}
		if m.Refused {
			refused++
		}
		entries = append(entries, e)
	}
	entries = append(entries, ledger.Expected{ID: "s", Skipped: true})
	if refused != 50 {
		t.Fatalf("%d messages for Postgres to refuse, want 50", refused)
	}
	path := filepath.Join(t.TempDir(), "ledger.jsonl")
	if err := ledger.WriteFile(path, entries); err != nil {
		t.Fatal(err)
	}
	got, err := ledger.ReadFile(path)
	if err != nil || !reflect.DeepEqual(got, entries) {
		t.Errorf("%d entries, %v", len(got), err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, canary := range traffic.Canaries() {
		if strings.Contains(string(content), canary) {
			t.Errorf("the ledger holds raw values: %s", canary)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
}

func TestLedgerFile_ErrorsNameTheLineAndNoValue(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]string{
		"{\"id\":\"a\",\"reason\":\"missing\"}\nsesame\n":       "line 2: no entry of a ledger",
		"{\"id\":\"sesame\"}\n":                                 "line 1: needs one of row, reason and skipped",
		"{\"reason\":\"sesame\"}\n":                             "line 1: no id",
		"{\"id\":\"sesame\",\"reason\":\"x\",\"skipped\":true}": "line 1: needs one of",
		"{\"id\":\"sesame\",\"row\":{\"a\":1}}":                 "line 1: no entry",
	} {
		path := filepath.Join(t.TempDir(), "ledger.jsonl")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := ledger.ReadFile(path)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "sesame") {
			t.Errorf("got %v, want %q and no value", err, want)
		}
	}
	if _, err := ledger.ReadFile(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a file that is not there was read")
	}
	if err := ledger.WriteFile(filepath.Join(t.TempDir(), "l"), []ledger.Expected{{ID: "a"}}); err == nil {
		t.Error("an entry that expects nothing was written")
	}
}
