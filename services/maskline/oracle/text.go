package oracle

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

var invalidUTF8 = &refusal{reason: "invalid_utf8"}

// escapes are those of one letter.
var escapes = map[byte]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// str reads a string, of which the opening quote comes next, and resolves its escapes.
func (p *parser) str() (string, *refusal) {
	var s strings.Builder
	p.rest = p.rest[1:]
	for {
		if p.rest == "" {
			return "", notJSON
		}
		switch c := p.rest[0]; {
		case c == '"':
			p.rest = p.rest[1:]
			return s.String(), nil
		case c < ' ':
			return "", notJSON
		case c == '\\':
			r, refused := p.escape()
			if refused != nil {
				return "", refused
			}
			s.WriteRune(r)
		default:
			r, size := utf8.DecodeRuneInString(p.rest)
			if r == utf8.RuneError && size == 1 {
				if !utf8.FullRuneInString(p.rest) {
					return "", notJSON // cut off
				}
				return "", invalidUTF8
			}
			s.WriteString(p.rest[:size])
			p.rest = p.rest[size:]
		}
	}
}

// escape reads one escape. Half of a surrogate pair is no character.
func (p *parser) escape() (rune, *refusal) {
	if len(p.rest) < 2 {
		return 0, notJSON
	}
	if c, ok := escapes[p.rest[1]]; ok {
		p.rest = p.rest[2:]
		return rune(c), nil
	}
	first, ok := p.unit()
	switch {
	case !ok:
		return 0, notJSON
	case !utf16.IsSurrogate(first):
		return first, nil
	}
	second, ok := p.unit()
	if r := utf16.DecodeRune(first, second); ok && r != utf8.RuneError {
		return r, nil
	}
	return 0, invalidUTF8
}

// unit reads \uXXXX.
func (p *parser) unit() (rune, bool) {
	if len(p.rest) < 6 || !strings.HasPrefix(p.rest, `\u`) || strings.ContainsAny(p.rest[2:6], "+-_") {
		return 0, false
	}
	n, err := strconv.ParseUint(p.rest[2:6], 16, 16)
	if err != nil {
		return 0, false
	}
	p.rest = p.rest[6:]
	return rune(n), true
}
