package chaos

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

const results = "../../../docs/results"

func TestPage_IsWhatTheResultsSay(t *testing.T) {
	t.Parallel()
	all, err := Read(results)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("no results: make chaos")
	}
	page, err := os.ReadFile(filepath.Join(results, PageName))
	if err != nil {
		t.Fatal(err)
	}
	if string(page) != Page(all) {
		t.Errorf("docs/results/%s is not what the results beside it say: make chaos, or write no word of it by hand", PageName)
	}
	for _, r := range all {
		if r.Verdict == Failed {
			t.Logf("%s failed in the results that are committed", r.Scenario)
		}
	}
}

func TestWrite_ResultsComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	want := []Result{
		{
			Number: 1, Scenario: "kills", Does: "kill -9", Verdict: Failed, Seed: 7, Date: "2026-01-02T03:04:05Z",
			Checks: []Check{{"messages lost", 0, "= 0", true}, {"messages lost", 2, "= 0", false}, {"kills", 150, "≥ 150", true}},
			Notes:  []string{"a note"},
			Faults: []Fault{{At: 1.5, What: "kill -9", Stage: "writer", PID: 42, InFlight: 7}, {At: 2, What: "kill -9", Stage: "masker", PID: 43}},
		},
		{Number: 2, Scenario: "other", Verdict: Skipped, Checks: []Check{}},
	}
	if err := Write(folder, want); err != nil {
		t.Fatal(err)
	}
	got, err := Read(folder)
	if err != nil {
		t.Fatal(err)
	}
	want[1].Checks = nil
	got[1].Checks = nil
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}
	page, err := os.ReadFile(filepath.Join(folder, PageName))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"2 × kill -9", "| messages lost | 2 | = 0 | **failed** |", "| kills | 150 | ≥ 150 | ok |", "skipped", "a note"} {
		if !strings.Contains(string(page), part) {
			t.Errorf("%q is not on the page:\n%s", part, page)
		}
	}
}
