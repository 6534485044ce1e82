package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/maskline/maskline/pkg/failpoint"
	"github.com/maskline/maskline/pkg/local/queue"
)

// TestFailpoints_EveryInstantIsReachedAndWhatACrashHadCommittedIsNamed kills the writer between COMMIT and the verdict.
func TestFailpoints_EveryInstantIsReachedAndWhatACrashHadCommittedIsNamed(t *testing.T) {
	t.Parallel()
	const n = 300
	dir := t.TempDir()
	buildPrograms(t, dir, "failpoint")
	log := "FAILPOINT_LOG=" + filepath.Join(dir, "log")
	var pauses []string
	for _, name := range failpoint.Names() {
		if name != failpoint.WriterAfterCommit {
			pauses = append(pauses, string(name)+"=pause:1ms")
		}
	}
	all := "FAILPOINTS=" + strings.Join(pauses, ",")
	s := start(t, options{none: true, visibility: 5})
	processes := startProcesses(t, s, dir, map[string][]string{
		"fetcher": {log, all}, "masker": {log, all}, "writer": {log, all + ",writer/after-commit=crash@2"},
	})
	s.send(t, 0, n)
	if _, err := s.queue.Send(source, queue.Message{Body: "no JSON"}); err != nil {
		t.Fatal(err)
	}
	if err := processes["writer"].cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("the writer ended with %v: %s", err, processes["writer"].log)
	}
	processes["writer"].env = append(processes["writer"].env, "FAILPOINTS=")
	processes["writer"].start(t)
	s.awaitEmpty(t)
	s.expectRows(t, n)
	if letters := s.letters(t); len(letters) != 1 {
		t.Errorf("%d dead letters", len(letters))
	}
	text, err := os.ReadFile(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	var seen []failpoint.Name
	for line := range bytes.Lines(text) {
		var act struct {
			Name   failpoint.Name `json:"name"`
			Hit    int            `json:"hit"`
			Detail string         `json:"detail"`
		}
		if err := json.Unmarshal(line, &act); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if act.Detail == "" {
			t.Errorf("%s tells nothing", act.Name)
		}
		seen = append(seen, act.Name)
		if act.Name != failpoint.WriterAfterCommit {
			continue
		}
		ids := strings.Split(act.Detail, ",")
		known := s.count(t, "SELECT count(*) FROM user_logins WHERE replace(event_id::text, '-', '') IN ('"+strings.Join(ids, "','")+"')")
		if act.Hit != 2 || known != len(ids) {
			t.Errorf("at hit %d of %d ids that were committed %d are in the table", act.Hit, len(ids), known)
		}
	}
	slices.Sort(seen)
	if want := slices.Sorted(slices.Values(failpoint.Names())); !slices.Equal(seen, want) {
		t.Errorf("acts %v, want %v", seen, want)
	}
}
