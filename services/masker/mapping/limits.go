package mapping

import (
	"bytes"
	"unicode/utf8"
)

// limits are a column's `in`, `min` and `max`. The zero value allows everything.
type limits struct {
	in  []bound
	min *bound
	max *bound
}

// bound is an allowed value or an end of the allowed range.
type bound struct {
	// text is the canonical text of an allowed value.
	text []byte
	// number is the value for number kinds, and for an end of a range always.
	number decimal
	// characters is an end of a range of text lengths.
	characters int
}

// check is about the value that r has just read as k.
func (l *limits) check(k kind, text []byte, r *reader) Reason {
	if l.in != nil && !l.contains(k, text, r) {
		return NotInSet
	}
	switch {
	case l.min == nil && l.max == nil:
		return ""
	case k == kindText:
		return l.checkLength(text)
	case l.max != nil && r.number.compare(l.max.number) > 0, l.min != nil && r.number.compare(l.min.number) < 0:
		return OutOfRange
	}
	return ""
}

// checkLength counts characters, as Postgres does for varchar(n).
func (l *limits) checkLength(text []byte) Reason {
	characters := utf8.RuneCount(text)
	switch {
	case l.max != nil && characters > l.max.characters:
		return TooLong
	case l.min != nil && characters < l.min.characters:
		return OutOfRange
	}
	return ""
}

func (l *limits) contains(k kind, text []byte, r *reader) bool {
	for i := range l.in {
		if k.numeric() {
			if r.number.compare(l.in[i].number) == 0 {
				return true
			}
		} else if bytes.Equal(text, l.in[i].text) {
			return true
		}
	}
	return false
}
