package oracle

import (
	"regexp"
	"slices"
	"strings"
)

// maxDepth is how many objects and arrays may be open at once.
const maxDepth = 64

// unmapped stands for a field that the mapping does not name.
const unmapped = "(unmapped)"

// mapped are the fields that the built-in mappings read.
var mapped = []string{"user_id", "device_type", "ip", "device_id", "locale", "app_version"}

// kind is what a field holds, as far as a login is concerned.
type kind int

const (
	missing kind = iota // or null
	text
	other
)

type field struct {
	kind kind
	text string
}

// refusal is why a body is no object that can be read, by the words of docs/mapping.md.
type refusal struct{ reason, column string }

// parser reads strict JSON, left to right, and stops at the first rule that is broken.
type parser struct {
	rest   string
	fields map[string]field
	// nul is the first field, in the order of the text, that holds U+0000 where Postgres would meet it.
	nul string
}

// read returns a body's fields, or why it has none.
func read(body string) (fields map[string]field, reason, column string) {
	p := &parser{rest: body, fields: make(map[string]field, len(mapped))}
	p.space()
	isObject := strings.HasPrefix(p.rest, "{")
	if r := p.value(0, isObject, ""); r != nil {
		return nil, r.reason, r.column
	}
	p.space()
	switch {
	case p.rest != "":
		return nil, "trailing_data", ""
	case !isObject:
		return nil, "not_object", ""
	case p.nul != "":
		return nil, "nul_character", p.nul
	}
	return p.fields, "", ""
}

func (p *parser) space() { p.rest = strings.TrimLeft(p.rest, " \t\r\n") }

// take takes a character if it comes next, white space passed over.
func (p *parser) take(c byte) bool {
	p.space()
	if p.rest == "" || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

var notJSON = &refusal{reason: "not_json"}

// value reads one value. top says that it is the object whose members are fields; name is the field's, or empty.
func (p *parser) value(depth int, top bool, name string) *refusal {
	p.space()
	if p.rest == "" {
		return notJSON
	}
	switch p.rest[0] {
	case '{', '[':
		p.set(name, field{kind: other})
		switch {
		case depth == maxDepth:
			return &refusal{reason: "too_deep"}
		case p.take('{'):
			return p.members(depth+1, top)
		}
		p.take('[')
		return p.elements(depth + 1)
	case '"':
		s, r := p.str()
		if r != nil {
			return r
		}
		if name != "" && strings.ContainsRune(s, 0) {
			p.noteNul(name)
		}
		p.set(name, field{kind: text, text: s})
		return nil
	}
	return p.literal(name)
}

// words are what JSON has beside strings, objects and arrays.
var words = regexp.MustCompile(`^(true|false|null|-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?)`)

// literal reads a number, true, false or null. What comes after it is for the next rule to judge, except where it would
// have gone on: 1. and 1e are no numbers.
func (p *parser) literal(name string) *refusal {
	word := words.FindString(p.rest)
	rest := p.rest[len(word):]
	if word == "" || word[0] <= '9' && (strings.HasPrefix(rest, ".") || rest != "" && strings.ContainsRune("eE", rune(rest[0])) && !strings.ContainsAny(word, "eE")) {
		return notJSON
	}
	p.rest = rest
	if word != "null" {
		p.set(name, field{kind: other})
	}
	return nil
}

func (p *parser) set(name string, f field) {
	if name != "" {
		p.fields[name] = f
	}
}

func (p *parser) noteNul(name string) {
	if p.nul == "" {
		p.nul = name
	}
}

func (p *parser) members(depth int, top bool) *refusal {
	seen := map[string]bool{}
	if p.take('}') {
		return nil
	}
	for {
		p.space()
		if !strings.HasPrefix(p.rest, `"`) {
			return notJSON
		}
		name, r := p.str()
		if r != nil {
			return r
		}
		known := ""
		if top && slices.Contains(mapped, name) {
			known = name
		}
		if seen[name] {
			if known == "" {
				known = unmapped
			}
			return &refusal{reason: "duplicate_key", column: known}
		}
		seen[name] = true
		if strings.ContainsRune(name, 0) {
			p.noteNul(unmapped)
		}
		if !p.take(':') {
			return notJSON
		}
		if r := p.value(depth, false, known); r != nil {
			return r
		}
		switch {
		case p.take('}'):
			return nil
		case !p.take(','):
			return notJSON
		}
	}
}

func (p *parser) elements(depth int) *refusal {
	if p.take(']') {
		return nil
	}
	for {
		if r := p.value(depth, false, ""); r != nil {
			return r
		}
		switch {
		case p.take(']'):
			return nil
		case !p.take(','):
			return notJSON
		}
	}
}
