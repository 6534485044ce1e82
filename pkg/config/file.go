package config

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"
)

// entry is one line of a file that holds a setting.
type entry struct {
	key, value string
	line       int
}

// file reads the settings of the file that a flag or else the environment names, and returns the names in it that
// belong to others.
func (l *loader) file(flagged string) (foreign []entry) {
	name, where, key := flagged, "flag", "--config"
	if flagged == "" {
		name, where, key = l.env[configKey], "environment", configKey
	}
	if name == "" {
		return nil
	}
	content, err := os.ReadFile(name)
	if err != nil {
		l.complaints = append(l.complaints, Complaint{File: where, Key: key, Value: name, Rule: cause(err)})
		return nil
	}
	entries, complaints := parseFile(name, content)
	l.complaints = append(l.complaints, complaints...)
	for _, e := range entries {
		f := l.byEnv(e.key)
		switch {
		case f != nil && e.value != "":
			l.take(f, e.value, origin{kind: fromFile, file: name, line: e.line})
		case f != nil:
		case e.key == configKey:
			l.unknown(name, e, "a file cannot name another file")
		case isKnown(e.key):
		case isForeign(e.key):
			foreign = append(foreign, e)
		default:
			l.unknown(name, e, "unknown"+l.suggest(e.key))
		}
		if _, err := ParseBytes(e.value); e.key == memoryLimitKey && e.value != "" && err != nil {
			l.unknown(name, e, "a size, such as 64MiB or 1GiB")
		}
	}
	return foreign
}

func (l *loader) unknown(file string, e entry, rule string) {
	l.complaints = append(l.complaints, Complaint{File: file, Line: e.line, Key: e.key, Rule: rule})
}

// cause leaves out the path and the operation that the complaint has named already.
func cause(err error) string {
	switch {
	case os.IsNotExist(err):
		return "no such file"
	case os.IsPermission(err):
		return "no permission to read it"
	default:
		return "cannot be read"
	}
}

// parseFile reads NAME=value lines. The format is what compose and systemd both understand in the same way, and where
// they differ the line is refused: a word "export", a value over several lines, an unquoted value with " #" in it.
// Complaints about a line never repeat it, since it may hold a secret.
func parseFile(name string, content []byte) (entries []entry, complaints []Complaint) {
	seen := map[string]int{}
	content = bytes.TrimPrefix(content, []byte("\ufeff"))
	for i, raw := range strings.Split(string(content), "\n") {
		line := strings.TrimSpace(raw)
		if line == "" || line[0] == '#' {
			continue
		}
		bad := func(key, rule string) {
			complaints = append(complaints, Complaint{File: name, Line: i + 1, Key: key, Rule: rule})
		}
		key, rest, ok := strings.Cut(line, "=")
		key = strings.TrimRight(key, " \t")
		if !ok || !isName(key) {
			bad("", "not NAME=value")
			continue
		}
		value, rule := unquote(strings.TrimSpace(rest))
		if rule != "" {
			bad(key, rule)
			continue
		}
		if first := seen[key]; first > 0 {
			bad(key, "given twice, first on line "+strconv.Itoa(first))
			continue
		}
		seen[key] = i + 1
		entries = append(entries, entry{key: key, value: value, line: i + 1})
	}
	return entries, complaints
}

// isName accepts the names that environments are made of.
func isName(key string) bool {
	for i, r := range key {
		digit := r >= '0' && r <= '9'
		if r != '_' && (r < 'A' || r > 'Z') && (!digit || i == 0) {
			return false
		}
	}
	return key != ""
}

// unquote takes a value out of its quotes, if it has any. Between double quotes \" and \\ stand for themselves.
func unquote(text string) (value, rule string) {
	switch {
	case !utf8.ValidString(text) || strings.ContainsRune(text, 0):
		return "", "not UTF-8 text"
	case text == "":
		return "", ""
	case text[0] == '\'' || text[0] == '"':
		return quoted(text[1:], text[0])
	case strings.Contains(text, " #") || strings.Contains(text, "\t#"):
		return "", "put quotes around a value that holds a #, or the comment on a line of its own"
	default:
		return text, ""
	}
}

func quoted(text string, quote byte) (value, rule string) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == quote:
			if after := strings.TrimSpace(text[i+1:]); after != "" && after[0] != '#' {
				return "", "text after the closing quote"
			}
			return b.String(), ""
		case c == '\\' && quote == '"' && i+1 < len(text) && (text[i+1] == '"' || text[i+1] == '\\'):
			i++
			b.WriteByte(text[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", "the closing quote is missing"
}
