package mapping

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// step is one step of `normalize`.
type step uint8

const (
	stepTrim step = iota
	stepLower
	stepUpper
	stepDigits
	stepEmptyToNull
	stepCount
)

func (s step) String() string {
	return [stepCount]string{"trim", "lower", "upper", "digits", "empty_to_null"}[s]
}

func stepNamed(name string) (step, bool) {
	for s := range stepCount {
		if s.String() == name {
			return s, true
		}
	}
	return 0, false
}

func stepNames() []string {
	names := make([]string, 0, stepCount)
	for s := range stepCount {
		names = append(names, s.String())
	}
	return names
}

// normalizer runs steps. It belongs to one worker: what it returns is valid until the next call.
type normalizer struct {
	// Two, used in turn: a step reads what the one before it wrote, and a rune may grow (ⱥ has two bytes, Ⱥ three).
	buffers [2][]byte
}

// run applies the steps to a string, in the order written. What is no string passes as it is.
func (n *normalizer) run(steps []step, v value) value {
	if v.kind != '"' {
		return v
	}
	turn := 0
	for _, s := range steps {
		buffer := &n.buffers[turn]
		switch s {
		case stepTrim:
			v.text = bytes.TrimSpace(v.text)
			continue
		case stepEmptyToNull:
			if len(v.text) == 0 {
				return value{kind: 'n'}
			}
			continue
		case stepLower:
			*buffer = appendMapped((*buffer)[:0], v.text, unicode.ToLower)
		case stepUpper:
			*buffer = appendMapped((*buffer)[:0], v.text, unicode.ToUpper)
		case stepDigits:
			*buffer = appendDigits((*buffer)[:0], v.text)
		}
		v.text = *buffer
		turn = 1 - turn
	}
	return v
}

func appendMapped(to, text []byte, change func(rune) rune) []byte {
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		to = utf8.AppendRune(to, change(r))
		text = text[size:]
	}
	return to
}

func appendDigits(to, text []byte) []byte {
	for _, c := range text {
		if c >= '0' && c <= '9' {
			to = append(to, c)
		}
	}
	return to
}
