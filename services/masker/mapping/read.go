package mapping

import (
	"bytes"
	"net/netip"
	"strconv"
	"unsafe"
)

// view looks at bytes as a string without copying. Only for calls that keep nothing of it: the parsers of strconv and
// netip keep their input in errors alone, and those are dropped at once.
func view(text []byte) string { return unsafe.String(unsafe.SliceData(text), len(text)) }

// reader turns values into the text that Postgres reads. It belongs to one worker: what it returns is valid until the
// next call.
type reader struct {
	text   []byte
	salt   []byte
	digits []byte
	// number is the last value read as a number kind.
	number decimal
	// address is the last value read as an ip, 16 bytes.
	address [16]byte
}

// read reads a value that is present and not null.
func (r *reader) read(k kind, v value) ([]byte, Reason) {
	switch k {
	case kindInteger, kindNumeric, kindFloat:
		if v.kind != '0' {
			return nil, WrongType
		}
		return r.readNumber(k, v.text)
	case kindBoolean:
		switch v.kind {
		case 't', 'f':
			return v.text, ""
		}
		return nil, WrongType
	}
	if v.kind != '"' {
		return nil, WrongType
	}
	switch k {
	case kindUUID:
		return r.readUUID(v.text)
	case kindIP:
		return r.readAddress(v.text)
	case kindDate:
		return readDate(v.text)
	case kindTimestamp:
		var reason Reason
		r.text, reason = appendTimestamp(r.text[:0], v.text)
		return r.text, reason
	case kindVersion:
		return r.readVersion(v.text)
	}
	return v.text, ""
}

func (r *reader) readNumber(k kind, text []byte) ([]byte, Reason) {
	if k == kindFloat {
		var ok bool
		if r.text, ok = appendFloat(r.text[:0], text); !ok {
			return nil, OutOfRange
		}
		text = r.text
	}
	var ok bool
	r.number, r.digits, ok = parseDecimal(r.digits, text)
	switch {
	case !ok:
		return nil, OutOfRange
	case k != kindInteger:
		return text, ""
	case !r.number.integral():
		return nil, WrongType
	}
	r.text = r.number.appendPlain(r.text[:0])
	return r.text, ""
}

// readUUID takes the 36-character form in either case and writes it in lower case.
func (r *reader) readUUID(text []byte) ([]byte, Reason) {
	if len(text) != 36 {
		return nil, BadFormat
	}
	r.text = append(r.text[:0], text...)
	for i, c := range r.text {
		switch {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return nil, BadFormat
			}
		case c >= 'A' && c <= 'F':
			r.text[i] = c + 'a' - 'A'
		case (c < '0' || c > '9') && (c < 'a' || c > 'f'):
			return nil, BadFormat
		}
	}
	return r.text, ""
}

// readAddress refuses zones: they name an interface of the sender's machine. ::ffff:192.0.2.1 is 192.0.2.1.
func (r *reader) readAddress(text []byte) ([]byte, Reason) {
	if bytes.IndexByte(text, '%') >= 0 {
		return nil, BadFormat
	}
	address, err := netip.ParseAddr(view(text))
	if err != nil {
		return nil, BadFormat
	}
	r.address = address.As16()
	r.text = address.Unmap().AppendTo(r.text[:0])
	return r.text, ""
}

// readVersion makes a number that sorts as versions do: 1 to 3 groups of 1 to 3 digits.
func (r *reader) readVersion(text []byte) ([]byte, Reason) {
	total, groups := 0, 0
	for weight := 1_000_000; ; weight /= 1000 {
		n := digits(text)
		if n < 1 || n > 3 || groups == 3 {
			return nil, BadFormat
		}
		group, _ := number(text[:n])
		total += group * weight
		groups++
		if text = text[n:]; len(text) == 0 {
			break
		}
		if text[0] != '.' {
			return nil, BadFormat
		}
		text = text[1:]
	}
	r.text = strconv.AppendInt(r.text[:0], int64(total), 10)
	return r.text, ""
}

// readSalt gives the text of a salt: a string as sent, a number written plainly.
func (r *reader) readSalt(v value) ([]byte, Reason) {
	switch {
	case v.null(), v.kind == '"' && len(v.text) == 0:
		return nil, Missing
	case v.kind == '"':
		return v.text, ""
	case v.kind != '0':
		return nil, WrongType
	}
	number, grown, ok := parseDecimal(r.digits, v.text)
	r.digits = grown
	if !ok {
		return nil, OutOfRange
	}
	r.salt = number.appendPlain(r.salt[:0])
	return r.salt, ""
}
