package main

import (
	"fmt"
	"io"
)

// overview prints the commands in the order in which one needs them.
func overview(w io.Writer) {
	_, _ = io.WriteString(w, `Maskline moves JSON events from an SQS queue into a Postgres table and masks
personal data on the way.

Usage: maskline COMMAND [flags]
`)
	for _, g := range tree() {
		_, _ = fmt.Fprintf(w, "\n%s\n", g.title)
		for _, cmd := range g.commands {
			_, _ = fmt.Fprintf(w, "  %-14s%s\n", cmd.name, cmd.brief)
		}
	}
	_, _ = io.WriteString(w, "\nmaskline COMMAND --help explains a command and lists its settings.\n")
}

// nearest returns the name that a slip of the finger may have meant: at most a third of its letters differ.
func nearest(word string, names []string) (string, bool) {
	best, least := "", 1<<30
	for _, name := range names {
		if d := distance(word, name); d < least {
			best, least = name, d
		}
	}
	return best, least <= max(1, len(best)/3)
}

// distance counts letters to insert, delete, replace or swap with a neighbor.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
