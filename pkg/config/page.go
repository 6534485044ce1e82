package config

import (
	"fmt"
	"io"
	"reflect"
	"strings"
)

// width is the page: a terminal shows it whole, and a manual can quote it.
const width = 80

// writeHelp prints every setting with its names, limits, default and sentence.
func writeHelp(w io.Writer, src Source, fields []*field) {
	var b strings.Builder
	usage := "Usage: " + src.Program + " [flags]"
	if src.Positional != "" {
		usage += " " + src.Positional
	}
	wrap(&b, usage, "")
	if src.Summary != "" {
		b.WriteByte('\n')
		wrap(&b, src.Summary, "")
	}
	b.WriteByte('\n')
	wrap(&b, "A flag wins over the environment, the environment over the file, the file over the default.", "")
	b.WriteByte('\n')
	for _, f := range fields {
		title := "--" + f.flag
		if f.value.Kind() != reflect.Bool {
			title += " " + typeName(f.value.Type())
		}
		if f.env != "" {
			title += "  " + f.env
		}
		wrap(&b, title, "  ")
		wrap(&b, strings.Join(append(sentence(f.help), limits(f)...), " "), "      ")
	}
	for _, built := range [][2]string{
		{"--config FILE  " + configKey, "Read NAME=value lines with the names of the environment."},
		{"--check", "Check the settings and leave."},
		{"--print-config", "Print the settings and where each came from, and leave."},
		{"--help", "Print this page."},
	} {
		wrap(&b, built[0], "  ")
		wrap(&b, built[1], "      ")
	}
	_, _ = io.WriteString(w, b.String())
}

func sentence(help string) []string {
	if help == "" {
		return nil
	}
	return []string{help}
}

// limits are the rules of a field in words.
func limits(f *field) []string {
	var parts []string
	switch {
	case f.least != "" && f.most != "":
		parts = append(parts, "From "+f.least+" to "+f.most+".")
	case f.least != "":
		parts = append(parts, "At least "+f.least+".")
	case f.most != "":
		parts = append(parts, "At most "+f.most+".")
	}
	if len(f.oneOf) > 0 {
		parts = append(parts, "One of "+strings.Join(f.oneOf, ", ")+".")
	}
	switch {
	case f.def != "":
		parts = append(parts, "Default: "+shown(f, f.def)+".")
	case f.required:
		parts = append(parts, "Required.")
	}
	return parts
}

// wrap breaks text at spaces into lines that fit the page. A word longer than that stays whole, since a broken name
// cannot be copied.
func wrap(b *strings.Builder, text, indent string) {
	line := indent
	for word := range strings.SplitSeq(text, " ") {
		if len(line) > len(indent) && len(line)+1+len(word) > width {
			b.WriteString(strings.TrimRight(line, " ") + "\n")
			line = indent
		}
		if len(line) > len(indent) {
			line += " "
		}
		line += word
	}
	if strings.TrimSpace(line) != "" {
		b.WriteString(line + "\n")
	}
}

// writeSettings prints every setting, its value and its origin; a star marks those that differ from the default.
func writeSettings(w io.Writer, fields []*field) {
	name, value := 0, 0
	for _, f := range fields {
		name, value = max(name, len(title(f))), max(value, min(40, len(f.display())))
	}
	for _, f := range fields {
		mark, from := " ", f.origin.String()
		if encode(f.value) != normal(f) {
			mark = "*"
			if f.def != "" {
				from += ", default " + shown(f, f.def)
			}
		}
		_, _ = fmt.Fprintf(w, "%s %-*s  %-*s  %s\n", mark, name, title(f), value, f.display(), from)
	}
}

// normal is the default in the form that encode gives, so that 60s and 1m do not count as different.
func normal(f *field) string {
	if f.def == "" {
		return encode(reflect.Zero(f.value.Type()))
	}
	v, _ := decode(f.value.Type(), f.def)
	return encode(v)
}

func title(f *field) string {
	if f.env == "" {
		return "--" + f.flag
	}
	return f.env
}

// String is the origin as --print-config names it.
func (o origin) String() string {
	switch o.kind {
	case fromFile:
		return fmt.Sprintf("file %s:%d", o.file, o.line)
	case fromEnv:
		return "env"
	case fromFlag:
		return "flag"
	default:
		return "default"
	}
}
