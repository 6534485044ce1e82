// Command guarantees applies each change that docs/guarantees.md lists, one at a time and without touching the tree,
// and runs the test that is named before it. It exits 1 if a change no longer applies, or its test does not fail.
//
//	go run .ci/guarantees.go [WORD]   only changes whose heading contains WORD
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

const page = "docs/guarantees.md"

// change is one diff block of the page. Its lines are compared without their indentation.
type change struct {
	heading, test, pkg, file string
	before, after            []string
}

func main() {
	word := strings.Join(os.Args[1:], " ")
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
	bad := 0
	for _, c := range changes {
		if !strings.Contains(c.heading, word) {
			continue
		}
		began := time.Now()
		verdict := "caught by " + c.test
		if err := c.try(scratch); err != nil {
			bad++
			verdict = "NOT CAUGHT: " + err.Error()
		}
		fmt.Printf("%5.1fs  %-45s %s\n", time.Since(began).Seconds(), c.heading, verdict)
	}
	os.RemoveAll(scratch)
	if bad > 0 || len(changes) == 0 {
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

// try runs the test on the changed file, which go sees through an overlay.
func (c change) try(scratch string) error {
	if c.test == "" {
		return fmt.Errorf("no test is named")
	}
	changed, err := c.apply()
	if err != nil {
		return err
	}
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	replacement, overlay := filepath.Join(scratch, "changed.go"), filepath.Join(scratch, "overlay.json")
	if err := os.WriteFile(replacement, []byte(changed), 0o600); err != nil {
		return err
	}
	table, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(root, c.file): replacement}})
	if err != nil {
		return err
	}
	if err := os.WriteFile(overlay, table, 0o600); err != nil {
		return err
	}
	out, err := exec.Command("go", "test", "-overlay", overlay, "-run", "^"+c.test+"$", "-timeout", "2m", c.pkg).CombinedOutput()
	switch text := string(out); {
	case err == nil:
		return fmt.Errorf("%s passes", c.test)
	case !strings.Contains(text, "--- FAIL: "+c.test) && !strings.Contains(text, "panic: "):
		return fmt.Errorf("%s did not run:\n%s", c.test, text)
	}
	return nil
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
