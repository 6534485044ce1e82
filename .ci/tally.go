// Command tally reads the events of `go test -json`, tells what failed and what was skipped, and counts.
//
//	tally [-total] [-plain FILE] EVENTS
//
// It exits 1 if a test failed, was skipped, or none ran. With -total it prints the closing line only, and exits 0.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// event is one line of `go test -json`; `go doc test2json` explains it.
type event struct {
	Action, Package, ImportPath, Test, Output string
	Elapsed                                   float64
}

// tally gathers events. A name is "package Test", or the package alone for what failed outside a test.
type tally struct {
	passed, failed, skipped map[string]bool
	output                  map[string][]string
	packages                []string
}

func main() {
	total := flag.Bool("total", false, "print the closing line only")
	plain := flag.String("plain", "", "output of a run without -json, searched for further failures")
	flag.Parse()
	t := tally{passed: map[string]bool{}, failed: map[string]bool{}, skipped: map[string]bool{}, output: map[string][]string{}}
	// A missing file is a lane that did not get so far: what it did not run cannot have passed.
	for _, source := range []struct {
		name string
		read func(io.Reader) error
	}{{flag.Arg(0), t.readEvents}, {*plain, t.readPlain}} {
		if err := open(source.name, source.read); err != nil {
			fmt.Fprintln(os.Stderr, "tally:", err)
			os.Exit(1)
		}
	}
	if *total {
		fmt.Println(t.total())
		return
	}
	t.report(os.Stdout)
	if len(t.failed)+len(t.skipped) > 0 || len(t.passed) == 0 {
		os.Exit(1)
	}
}

func open(name string, read func(io.Reader) error) error {
	if name == "" {
		return nil
	}
	file, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	return read(file)
}

func (t *tally) readEvents(r io.Reader) error {
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadBytes('\n')
		var e event
		if json.Unmarshal(line, &e) == nil {
			t.add(e)
		} else if text := strings.TrimSpace(string(line)); text != "" {
			t.packages = append(t.packages, text) // go's own words: a module that cannot be loaded
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (t *tally) add(e event) {
	name := strings.TrimSpace(e.Package + " " + e.Test)
	switch e.Action {
	case "output":
		t.output[name] = append(t.output[name], e.Output)
	case "build-output":
		t.packages = append(t.packages, strings.TrimSuffix(e.Output, "\n"))
	case "pass", "fail":
		if e.Test == "" {
			t.finish(e)
		} else if e.Action == "pass" {
			t.passed[name] = true
			delete(t.output, name)
		} else {
			t.failed[name] = true
		}
	case "skip":
		if e.Test != "" { // without a name it is a package that has no tests
			t.skipped[name] = true
		}
	}
}

// finish notes a package's end. One that failed though none of its tests did (a build, a panic, a leak) counts as one.
func (t *tally) finish(e event) {
	if e.Action == "fail" {
		named := false
		for name := range t.failed {
			named = named || strings.HasPrefix(name, e.Package+" ")
		}
		if !named {
			t.failed[e.Package] = true
		}
	}
	t.packages = append(t.packages, fmt.Sprintf("%s %s %.1fs", e.Action, e.Package, e.Elapsed))
}

// readPlain finds failures in the output of a run without -json: their names come before their package's line.
func (t *tally) readPlain(r io.Reader) error {
	var names []string
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		switch {
		case len(fields) > 2 && fields[0] == "---" && fields[1] == "FAIL:":
			names = append(names, " "+fields[2])
		case len(fields) > 1 && strings.HasPrefix(lines.Text(), "FAIL\t"):
			if len(names) == 0 {
				names = []string{""}
			}
			for _, name := range names {
				t.failed[fields[1]+name] = true
			}
			names = nil
		case len(fields) > 1 && fields[0] == "ok":
			names = nil
		}
	}
	return lines.Err()
}

func (t *tally) report(w io.Writer) {
	for _, line := range t.packages {
		fmt.Fprintln(w, line)
	}
	for _, name := range sorted(t.failed) {
		fmt.Fprintf(w, "\nFAILED %s\n%s", name, strings.Join(t.output[name], ""))
	}
	for _, name := range sorted(t.skipped) {
		fmt.Fprintf(w, "\nSKIPPED %s\n%s", name, strings.Join(t.output[name], ""))
	}
}

func (t *tally) total() string {
	for name := range t.failed {
		delete(t.passed, name) // passed in one lane, failed in another
	}
	return fmt.Sprintf("%d passed, %d failed", len(t.passed), len(t.failed))
}

func sorted(set map[string]bool) []string {
	names := make([]string, 0, len(set))
	for name := range set {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
