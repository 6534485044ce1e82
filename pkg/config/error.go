package config

import (
	"strconv"
	"strings"
)

// done is an end that is no failure: a page was asked for and printed.
type done string

func (d done) Error() string { return string(d) }

// ExitCode is 0: nothing went wrong.
func (done) ExitCode() int { return 0 }

// The ends of Load at which the program should leave with exit code 0.
const (
	// ErrHelp says that --help printed the page.
	ErrHelp = done("help printed")
	// ErrChecked says that --check found every setting in order.
	ErrChecked = done("configuration checked")
	// ErrPrinted says that --print-config printed the settings.
	ErrPrinted = done("configuration printed")
)

// Complaint is one rule that one setting breaks.
type Complaint struct {
	// File is the name of the file, "environment", "flag", "default", or empty for a setting that nobody gave.
	File string
	// Line is the line in the file, from 1; 0 elsewhere.
	Line int
	// Key is the name as it was given: MASKLINE_WAIT_TIME or --wait-time.
	Key string
	// Value is the text that was given, *** for a secret, and empty where showing it might betray one.
	Value string
	// Rule is what the value must be.
	Rule string
}

// String is one line: where, key, value, rule.
func (c Complaint) String() string {
	var b strings.Builder
	switch {
	case c.File == "flag":
		b.WriteString("flag ")
	case c.File != "":
		b.WriteString(c.File)
		if c.Line > 0 {
			b.WriteString(":" + strconv.Itoa(c.Line))
		}
		b.WriteString(": ")
	}
	b.WriteString(c.Key)
	if c.Value != "" {
		b.WriteString("=" + strconv.Quote(c.Value))
	}
	if c.Key != "" {
		b.WriteString(": ")
	}
	b.WriteString(c.Rule)
	return b.String()
}

// Error holds every complaint about one configuration.
type Error struct {
	// Complaints is never empty.
	Complaints []Complaint
}

// Error gives one line for each complaint.
func (e *Error) Error() string {
	lines := make([]string, len(e.Complaints))
	for i, c := range e.Complaints {
		lines[i] = c.String()
	}
	return strings.Join(lines, "\n")
}

// ExitCode is 2: no restart will mend it.
func (*Error) ExitCode() int { return 2 }
