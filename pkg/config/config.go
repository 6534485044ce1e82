// Package config fills a struct from defaults, one file, the environment and flags, in that order of precedence.
//
// It promises one vocabulary (a setting has the same name in the file and the environment, and a flag made from that
// name), all complaints at once, and that a name it does not know is refused with a suggestion. It never prints a
// secret, and never guesses a unit.
package config

import (
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strings"
)

// Source is where settings come from and where pages go. Nothing else is read, so a test can be complete.
type Source struct {
	// Program names the program in the help page, for example "maskline demo".
	Program string
	// Summary is the paragraph above the flags in the help page. Default: none.
	Summary string
	// Positional describes the arguments that are not flags, for example "MAPPING". Default: none.
	Positional string
	// Args are the arguments after the program's name.
	Args []string
	// Environ holds NAME=value entries, as os.Environ gives them. An empty value counts as not set, since compose
	// files pass NAME=${NAME:-}.
	Environ []string
	// Stdout receives the pages of --help, --check and --print-config. Default: discarded.
	Stdout io.Writer
	// Setenv hands on names of the file that belong to libraries. Default: os.Setenv.
	Setenv func(name, value string) error
}

// FromOS is the Source of a real process.
func FromOS(program string) Source {
	return Source{Program: program, Args: os.Args[1:], Environ: os.Environ(), Stdout: os.Stdout}
}

// Validator is asked for rules that span several settings, after the rules of each. A struct inside the target may be
// one too. A Complaint needs Key and Rule only: where the value came from, and the value, are filled in.
type Validator interface {
	Validate() []Complaint
}

// Load fills target, a pointer to a struct whose fields carry tags:
//
//	env:"MASKLINE_WAIT_TIME"  name in the environment and the file; the flag is made from it: --wait-time
//	flag:"messages"           another flag name, or, without env, a setting that only a flag can give
//	default:"20s"             used when nobody says otherwise
//	min:"0s" max:"20s"        limits, for numbers, durations and sizes
//	oneof:"a|b"               the closed list of values
//	required:"true"           must be given
//	secret:"true"             never shown (a field of type Secret is one anyway)
//	help:"One sentence."      shown by --help
//
// A value other than zero that target holds before the call replaces the default of its tag. Fields may be string, bool, int, int64,
// time.Duration, []string (comma list), Bytes and Secret; structs inside are walked; a field with neither env nor flag
// is left alone.
//
// The file is named by --config or MASKLINE_CONFIG. Of its names that target does not claim, AWS_*, PG* and OTEL_* are
// put into the process environment, where their libraries look, unless they are set there already; GOMEMLIMIT is
// applied likewise. Call Load before anything that reads those.
//
// It returns the arguments that are not flags. The error is a *Error for wrong settings, or ErrHelp, ErrChecked or
// ErrPrinted when a page was all that was asked for. It panics if the tags themselves are wrong.
func Load(target any, src Source) (rest []string, err error) {
	if src.Stdout == nil {
		src.Stdout = io.Discard
	}
	if src.Setenv == nil {
		src.Setenv = os.Setenv
	}
	l := &loader{fields: fieldsOf(target), env: environment(src.Environ)}
	for _, f := range l.fields {
		f.fill()
	}
	given := l.flags(src.Args)
	if given.help {
		writeHelp(src.Stdout, src, l.fields)
		return nil, ErrHelp
	}
	foreign := l.file(given.file)
	l.environ()
	l.apply(given)
	l.required()
	l.validate(target)
	if len(l.complaints) > 0 {
		return nil, &Error{Complaints: l.complaints}
	}
	switch {
	case given.check:
		_, _ = io.WriteString(src.Stdout, "configuration ok\n")
		return nil, ErrChecked
	case given.print:
		writeSettings(src.Stdout, l.fields)
		return nil, ErrPrinted
	}
	return given.rest, l.export(foreign, src.Setenv)
}

// loader gathers settings and complaints over one Load.
type loader struct {
	fields     []*field
	env        map[string]string
	complaints []Complaint
}

// byEnv finds the field that claims a name, or nil.
func (l *loader) byEnv(name string) *field {
	for _, f := range l.fields {
		if name != "" && f.env == name {
			return f
		}
	}
	return nil
}

// byFlag finds the field that claims a flag, or nil.
func (l *loader) byFlag(name string) *field {
	for _, f := range l.fields {
		if f.flag == name {
			return f
		}
	}
	return nil
}

// take gives a field its value, or complains and leaves the value as it was.
func (l *loader) take(f *field, text string, from origin) {
	if rule := f.set(text); rule != "" {
		l.complain(f, from, shown(f, text), rule)
		f.broken = true
		return
	}
	f.origin = from
}

func (l *loader) complain(f *field, from origin, value, rule string) {
	l.complaints = append(l.complaints, Complaint{
		File: from.where(), Line: from.line, Key: from.key(f), Value: value, Rule: rule,
	})
}

// environ reads the environment. Names are visited in order, so that complaints are stable.
func (l *loader) environ() {
	names := make([]string, 0, len(l.env))
	for name := range l.env {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if f := l.byEnv(name); f != nil {
			if l.env[name] != "" {
				l.take(f, l.env[name], origin{kind: fromEnv})
			}
			continue
		}
		if strings.HasPrefix(name, prefix) && !isKnown(name) {
			l.complaints = append(l.complaints, Complaint{
				File: "environment", Key: name, Rule: "unknown" + l.suggest(name),
			})
		}
	}
}

// apply sets what the flags gave.
func (l *loader) apply(given flags) {
	for _, one := range given.values {
		l.take(one.field, one.text, origin{kind: fromFlag})
	}
}

// required complains about settings that nobody gave.
func (l *loader) required() {
	for _, f := range l.fields {
		if !f.required || f.broken || !f.value.IsZero() {
			continue
		}
		c := Complaint{Key: f.env, Rule: "required"}
		if f.env == "" {
			c.Key = "--" + f.flag
		}
		if f.help != "" {
			c.Rule += ": " + f.help
		}
		l.complaints = append(l.complaints, c)
	}
}

// validate asks target and the structs inside it, and drops what was said already.
func (l *loader) validate(target any) {
	for _, v := range validators(target) {
		for _, c := range v.Validate() {
			f := l.byEnv(c.Key)
			if f != nil && f.broken {
				continue
			}
			if f != nil && c.File == "" {
				c.File, c.Line, c.Key = f.origin.where(), f.origin.line, f.origin.key(f)
				if c.Value == "" {
					c.Value = f.display()
				}
			}
			if !slices.Contains(l.complaints, c) {
				l.complaints = append(l.complaints, c)
			}
		}
	}
}

// export hands the file's foreign names to the libraries that read them.
func (l *loader) export(foreign []entry, setenv func(string, string) error) error {
	for _, e := range foreign {
		if l.env[e.key] != "" {
			continue
		}
		if e.key == memoryLimitKey {
			// The runtime read its own copy long before this file.
			if n, err := ParseBytes(e.value); err == nil {
				debug.SetMemoryLimit(int64(n))
			}
			continue
		}
		if isExported(e.key) {
			if err := setenv(e.key, e.value); err != nil {
				return err
			}
		}
	}
	return nil
}

// environment makes a map of NAME=value entries.
func environment(entries []string) map[string]string {
	env := make(map[string]string, len(entries))
	for _, e := range entries {
		if name, value, ok := strings.Cut(e, "="); ok && name != "" {
			env[name] = value
		}
	}
	return env
}
