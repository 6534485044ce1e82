package mapping

import (
	"bytes"
	"errors"

	"github.com/go-json-experiment/json/jsontext"
)

// MaxDepth is how many objects and arrays may be open at once in a body, the outermost included.
const MaxDepth = 64

// maxKept is the scratch space that is kept between records. More, after one huge record, is given back.
const maxKept = 1 << 20

// value is one JSON value, or one piece of metadata, as the mapping sees it.
type value struct {
	// kind is 0 for missing, else what jsontext calls it: n, t, f, ", 0, {, [.
	kind jsontext.Kind
	// text is a string without quotes and escapes, or a number as sent. It may alias the body.
	text []byte
}

func (v value) null() bool { return v.kind == 0 || v.kind == 'n' }

// scanner checks one body strictly and picks out the values that the trie names, in one pass. What it refuses:
// anything but one JSON object, repeated names at any depth, invalid UTF-8, lone surrogates, U+0000 in a name or in a
// picked value, more than MaxDepth levels. A lenient reader would take another value than the next reader of the same
// body does, and mask the wrong one.
type scanner struct {
	trie    *trie
	decoder *jsontext.Decoder
	buffer  bytes.Buffer
	values  []value
	// arena holds strings that had escapes. Earlier strings stay valid when it grows.
	arena []byte
	// strictFields asks for unknown; the others are the first of their kind in this body.
	strictFields bool
	unknown      string
	nul          string
}

func newScanner(t *trie, strictFields bool) *scanner {
	s := &scanner{trie: t, values: make([]value, len(t.slots)), strictFields: strictFields}
	s.decoder = jsontext.NewDecoder(&s.buffer)
	return s
}

// scan returns "" and fills values, or says why the body is refused and which field is to blame, if one is.
func (s *scanner) scan(body []byte) (Reason, string) {
	clear(s.values)
	s.unknown, s.nul = "", ""
	if s.arena = s.arena[:0]; cap(s.arena) > maxKept {
		s.arena = nil
	}
	// A bytes.Buffer is the one reader whose bytes the decoder reads in place.
	s.buffer = *bytes.NewBuffer(body)
	s.decoder.Reset(&s.buffer)
	isObject := s.decoder.PeekKind() == '{'
	root := s.trie.root
	if !isObject {
		root = nil
	}
	if reason, field := s.walk(root, 0); reason != "" {
		if reason == NotJSON {
			reason = classify(body)
		}
		return reason, field
	}
	rest := body[s.decoder.InputOffset():]
	switch {
	case len(bytes.TrimLeft(rest, " \t\r\n")) > 0:
		return TrailingData, ""
	case !isObject:
		return NotObject, ""
	case s.nul != "":
		return NulCharacter, s.nul
	}
	return "", ""
}

// walk reads one value. n is nil where the mapping names nothing below; such values are checked all the same. Depth
// bounds the recursion.
func (s *scanner) walk(n *node, depth int) (Reason, string) {
	kind := s.decoder.PeekKind()
	if kind != '{' && kind != '[' {
		raw, err := s.decoder.ReadValue()
		if err != nil {
			return s.fail(err)
		}
		if n != nil {
			s.scalar(n, kind, raw)
		}
		return "", ""
	}
	if depth == MaxDepth {
		return TooDeep, ""
	}
	if _, err := s.decoder.ReadToken(); err != nil {
		return s.fail(err)
	}
	if n != nil && n.slot != noSlot {
		s.values[n.slot] = value{kind: kind}
	}
	if kind == '{' {
		return s.members(n, depth+1)
	}
	return s.elements(n, depth+1)
}

func (s *scanner) members(n *node, depth int) (Reason, string) {
	hint := 0
	for {
		kind := s.decoder.PeekKind()
		if kind != '"' {
			_, err := s.decoder.ReadToken()
			if err == nil && kind == '}' {
				return "", ""
			}
			return s.fail(err)
		}
		raw, err := s.decoder.ReadValue()
		if err != nil {
			return s.fail(err)
		}
		name := s.unquote(raw)
		if bytes.IndexByte(name, 0) >= 0 {
			s.note(&s.nul, Unmapped)
		}
		var child *node
		if n != nil {
			if child = n.member(name, &hint); child == nil {
				s.noteUnknown(n)
			}
		}
		if reason, field := s.walk(child, depth); reason != "" {
			return reason, field
		}
	}
}

func (s *scanner) elements(n *node, depth int) (Reason, string) {
	for position := 0; ; position++ {
		if s.decoder.PeekKind() == ']' {
			_, err := s.decoder.ReadToken()
			if err != nil {
				return s.fail(err)
			}
			return "", ""
		}
		var child *node
		if n != nil {
			if child = n.element(position); child == nil {
				s.noteUnknown(n)
			}
		}
		if reason, field := s.walk(child, depth); reason != "" {
			return reason, field
		}
	}
}

func (s *scanner) scalar(n *node, kind jsontext.Kind, raw []byte) {
	if n.slot == noSlot {
		// The mapping looks for something inside and finds nothing that has an inside.
		if kind != 'n' && s.strictFields && !n.ignored {
			s.note(&s.unknown, n.text)
		}
		return
	}
	v := value{kind: kind, text: raw}
	if kind == '"' {
		if v.text = s.unquote(raw); bytes.IndexByte(v.text, 0) >= 0 {
			s.note(&s.nul, n.text)
		}
	}
	s.values[n.slot] = v
}

// unquote removes quotes and escapes. Most strings have no escape and stay where they are.
func (s *scanner) unquote(raw []byte) []byte {
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1]
	}
	start := len(s.arena)
	s.arena, _ = jsontext.AppendUnquote(s.arena, raw) // The decoder has checked it.
	return s.arena[start:len(s.arena):len(s.arena)]
}

func (s *scanner) noteUnknown(n *node) {
	if s.strictFields && !n.whole() {
		s.note(&s.unknown, Unmapped)
	}
}

func (s *scanner) note(where *string, field string) {
	if *where == "" {
		*where = field
	}
}

// fail turns a decoder's error into a reason. The error itself quotes the body and ends here.
func (s *scanner) fail(err error) (Reason, string) {
	if !errors.Is(err, jsontext.ErrDuplicateName) {
		return NotJSON, ""
	}
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		if n := s.trie.root.follow(syntax.JSONPointer.Tokens()); n != nil && n.text != "" {
			return DuplicateKey, n.text
		}
	}
	return DuplicateKey, Unmapped
}

// classify tells bad UTF-8 from bad JSON, whose errors the decoder gives no name: text that a reader without the rule
// gets further into fails for its encoding. It reads the body a second time, and only when the body is refused.
func classify(body []byte) Reason {
	strict := skipOffset(body, jsontext.AllowDuplicateNames(true))
	lenient := skipOffset(body, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if lenient > strict {
		return InvalidUTF8
	}
	return NotJSON
}

// skipOffset returns how far the first value can be read: the offset of the first error, or one past the end.
func skipOffset(body []byte, options ...jsontext.Options) int64 {
	err := jsontext.NewDecoder(bytes.NewBuffer(body), options...).SkipValue()
	if err == nil {
		return int64(len(body)) + 1
	}
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return syntax.ByteOffset
	}
	return 0
}
