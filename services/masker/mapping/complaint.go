package mapping

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Complaint is one thing wrong with a mapping: where, what, and how to mend it.
type Complaint struct {
	File         string
	Line, Column int
	What, Fix    string
}

// String gives `orders.yaml:14:22: what; fix`.
func (c Complaint) String() string {
	return fmt.Sprintf("%s:%d:%d: %s; %s", c.File, c.Line, c.Column, c.What, c.Fix)
}

// ComplaintsError is everything wrong with a mapping, in the order of the file. It is the error that Parse returns.
type ComplaintsError []Complaint

// Error gives one complaint a line.
func (c ComplaintsError) Error() string {
	lines := make([]string, len(c))
	for i, complaint := range c {
		lines[i] = complaint.String()
	}
	return strings.Join(lines, "\n")
}

func (c ComplaintsError) sort() {
	slices.SortStableFunc(c, func(a, b Complaint) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}

// oneOf is the usual fix: the nearest name if one is near, else all of them.
func oneOf(word string, names []string) string {
	if near, ok := nearest(word, names); ok {
		return "did you mean " + near + "?"
	}
	return "one of: " + strings.Join(names, ", ")
}

// nearest returns the name that a slip of the finger may have meant: at most a third of its letters differ.
func nearest(word string, names []string) (string, bool) {
	best, bestDistance := "", 1<<30
	for _, name := range names {
		d := distance(word, name)
		if d < bestDistance || d == bestDistance && commonPrefix(word, name) > commonPrefix(word, best) {
			best, bestDistance = name, d
		}
	}
	return best, bestDistance <= max(1, len(best)/3)
}

// commonPrefix breaks ties: slips are rarer at the beginning of a word.
func commonPrefix(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// distance counts letters to insert, delete, replace or swap with a neighbor. Both words are short; a long one is far
// from everything.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 1 << 20
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
