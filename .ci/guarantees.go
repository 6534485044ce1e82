// Command guarantees applies each change that docs/guarantees.md lists, one at a time and without touching the tree,
// and runs the test that is named before it. It exits 1 if a change no longer applies, or its test does not fail.
//
//	go run .ci/guarantees.go [WORD]         only changes whose heading contains WORD
//	go run .ci/guarantees.go -table FILE    all of them, and writes what came out as a page
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const page = "docs/guarantees.md"

// change is one diff block of the page. Its lines are compared without their indentation.
type change struct {
	heading, test, pkg, file string
	before, after            []string
	verdict                  string
	seconds                  float64
}

func main() {
	args, table := os.Args[1:], ""
	if len(args) == 2 && args[0] == "-table" {
		args, table = nil, args[1]
	}
	word := strings.Join(args, " ")
	changes, err := read(page)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	scratch, err := os.MkdirTemp("", "guarantees-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var bad atomic.Int64
	var running sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0)) // a compiler and a linker are busy with one processor each, mostly
	for i := range changes {
		c := &changes[i]
		if !strings.Contains(c.heading, word) {
			continue
		}
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			began := time.Now()
			by, err := c.try(filepath.Join(scratch, fmt.Sprint(i)))
			c.verdict, c.seconds = "caught by "+by, time.Since(began).Seconds()
			if err != nil {
				bad.Add(1)
				c.verdict = "NOT CAUGHT: " + err.Error()
			}
			fmt.Printf("%5.1fs  %-62s %s\n", c.seconds, c.heading, c.verdict)
		})
	}
	running.Wait()
	os.RemoveAll(scratch)
	if table != "" {
		if err := os.WriteFile(table, []byte(report(changes)), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	if bad.Load() > 0 || len(changes) == 0 {
		os.Exit(1)
	}
}

var named = regexp.MustCompile("^`go test (\\./\\S+) -run '?\\^?(\\w+)\\$?'?`$")

func read(name string) ([]change, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var all []change
	var c change
	inside := false
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		line := lines.Text()
		switch {
		case line == "```diff":
			inside = true
			c.before, c.after = nil, nil
		case line == "```" && inside:
			inside = false
			all = append(all, c)
		case inside && strings.HasPrefix(line, "--- "):
			c.file = strings.TrimPrefix(line, "--- ")
		case inside && strings.HasPrefix(line, "-"):
			c.before = append(c.before, line[1:])
		case inside && strings.HasPrefix(line, "+"):
			c.after = append(c.after, line[1:])
		case inside && line != "":
			c.before, c.after = append(c.before, line[1:]), append(c.after, line[1:])
		case strings.HasPrefix(line, "### "):
			c = change{heading: strings.TrimPrefix(line, "### ")}
		default:
			if m := named.FindStringSubmatch(line); m != nil {
				c.pkg, c.test = m[1], m[2]
			}
		}
	}
	return all, lines.Err()
}

// report is the page of one run.
func report(changes []change) string {
	text := fmt.Sprintf(`# What each safeguard is for

Each line of this table is a change of [guarantees.md](../guarantees.md) that takes one safeguard away, and what noticed. A
seed is one of the simulation: `+"`go test ./services/maskline/simulation -run TestSimulation -simulation.seed=N -v`"+` shows
its history, on the changed code. Seconds include the compiler's.

%s, %s/%s, %d processors, %s: `+"`make safeguards`"+`

| safeguard, or what breaks it | removed by | caught by | seconds |
|---|---|---|---:|
`, time.Now().UTC().Format("2006-01-02 15:04"), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
	code := func(sign string, lines []string) (all string) {
		for _, l := range lines {
			if l = strings.TrimSpace(l); l != "" {
				all += "<br>" + sign + " `" + strings.ReplaceAll(l, "|", "\\|") + "`"
			}
		}
		return all
	}
	caught := 0
	for _, c := range changes {
		if strings.HasPrefix(c.verdict, "caught by ") {
			caught++
		}
		text += fmt.Sprintf("| %s | %s%s%s | %s | %.1f |\n", c.heading, c.file, code("−", c.before), code("+", c.after),
			strings.ReplaceAll(strings.TrimPrefix(c.verdict, "caught by "), "\n", " "), c.seconds)
	}
	return text + fmt.Sprintf("\n%d of %d were noticed.\n", caught, len(changes))
}

var failedSeed = regexp.MustCompile(`seed (\d+): (.*)`)

// try runs the test on the changed file, which go sees through an overlay, and says what failed.
func (c change) try(scratch string) (by string, err error) {
	if c.test == "" {
		return "", fmt.Errorf("no test is named")
	}
	changed, err := c.apply()
	if err != nil {
		return "", err
	}
	root, err := os.Getwd()
	if err != nil {
		return "", err
	}
	if err := os.Mkdir(scratch, 0o700); err != nil {
		return "", err
	}
	replacement, overlay := filepath.Join(scratch, "changed.go"), filepath.Join(scratch, "overlay.json")
	if err := os.WriteFile(replacement, []byte(changed), 0o600); err != nil {
		return "", err
	}
	table, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(root, c.file): replacement}})
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(overlay, table, 0o600); err != nil {
		return "", err
	}
	out, err := exec.Command("go", "test", "-overlay", overlay, "-vet=off", "-ldflags=-w", "-run", "^"+c.test+"$", "-timeout", "2m", c.pkg).CombinedOutput()
	switch text := string(out); {
	case err == nil:
		return "", fmt.Errorf("%s passes", c.test)
	case !strings.Contains(text, "--- FAIL: "+c.test) && !strings.Contains(text, "panic: "):
		return "", fmt.Errorf("%s did not run:\n%s", c.test, text)
	default:
		if seed := failedSeed.FindStringSubmatch(text); seed != nil {
			return "simulation seed " + seed[1] + ": " + seed[2], nil
		}
		return c.test, nil
	}
}

func (c change) apply() (string, error) {
	content, err := os.ReadFile(c.file)
	if err != nil {
		return "", err
	}
	lines := strings.Split(string(content), "\n")
	at := -1
	for i := range lines {
		if matches(lines[i:], c.before) {
			if at >= 0 {
				return "", fmt.Errorf("%s: the lines are there twice", c.file)
			}
			at = i
		}
	}
	if at < 0 || len(c.before) == 0 {
		return "", fmt.Errorf("%s: the lines are not there", c.file)
	}
	rest := lines[at+len(c.before):]
	return strings.Join(append(append(append([]string(nil), lines[:at]...), c.after...), rest...), "\n"), nil
}

func matches(lines, wanted []string) bool {
	if len(lines) < len(wanted) {
		return false
	}
	for i, w := range wanted {
		if strings.TrimSpace(lines[i]) != strings.TrimSpace(w) {
			return false
		}
	}
	return true
}
