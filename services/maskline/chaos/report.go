package chaos

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// PageName is the page that Write makes beside the results.
const PageName = "reliability.md"

// Write puts a result per file into a folder, and makes the page of all results that are there.
func Write(folder string, results []Result) error {
	if err := os.MkdirAll(folder, 0o755); err != nil { //nolint:gosec // Documentation is for everyone.
		return err
	}
	for _, r := range results {
		text, err := encode(r)
		if err != nil {
			return err
		}
		name := filepath.Join(folder, fmt.Sprintf("reliability-%02d-%s.json", r.Number, r.Scenario))
		if err := os.WriteFile(name, text, 0o644); err != nil { //nolint:gosec // As above.
			return err
		}
	}
	all, err := Read(folder)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, PageName), []byte(Page(all)), 0o644) //nolint:gosec // As above.
}

// encode writes a result with one line for each fault: there may be hundreds.
func encode(r Result) ([]byte, error) {
	faults := r.Faults
	r.Faults = nil
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil || len(faults) == 0 {
		return append(text, '\n'), err
	}
	var b strings.Builder
	b.WriteString(strings.TrimSuffix(string(text), "\n}") + ",\n  \"faults\": [")
	for i, f := range faults {
		line, err := json.Marshal(f)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("\n    " + string(line))
	}
	b.WriteString("\n  ]\n}\n")
	return []byte(b.String()), nil
}

// Read reads the results of a folder, in the order of the card.
func Read(folder string) (results []Result, err error) {
	names, err := filepath.Glob(filepath.Join(folder, "reliability-*.json"))
	if err != nil {
		return nil, err
	}
	for _, name := range names { // sorted by number, then name
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		var r Result
		if err := json.Unmarshal(text, &r); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		results = append(results, r)
	}
	return results, nil
}

// Summarize prints a line per scenario. The error says which failed.
func Summarize(out io.Writer, results []Result) error {
	var failed []string
	_, _ = fmt.Fprintln(out)
	for _, r := range results {
		_, _ = fmt.Fprintf(out, "%3d %-18s %-8s %6.1f s\n", r.Number, r.Scenario, r.Verdict, r.Seconds)
		if r.Verdict == Failed {
			failed = append(failed, r.Scenario)
		}
	}
	if len(failed) > 0 {
		return fmt.Errorf("failed: %s", strings.Join(failed, ", "))
	}
	return nil
}
