package mapping

import (
	"bytes"
	"strconv"
)

// MaxDigits is how many digits a number may have, as sent and written out without an exponent. `1e999999999` is
// eleven bytes of JSON and a gigabyte of digits.
const MaxDigits = 1000

// decimal is an exact number: 0.d1d2d3… × 10^point. digits neither begins nor ends with '0'; zero has none.
type decimal struct {
	negative bool
	digits   []byte
	point    int
}

// parseDecimal reads a number in JSON's grammar, which the caller has checked. It puts the digits into scratch and
// returns that for reuse. ok is false beyond MaxDigits.
func parseDecimal(scratch, text []byte) (d decimal, grown []byte, ok bool) {
	if len(text) > 0 && text[0] == '-' {
		d.negative, text = true, text[1:]
	}
	exponent := 0
	if at := bytes.IndexAny(text, "eE"); at >= 0 {
		exponent = parseExponent(text[at+1:])
		text = text[:at]
	}
	whole, fraction, _ := bytes.Cut(text, []byte{'.'})
	if len(whole)+len(fraction) > MaxDigits {
		return decimal{}, scratch, false
	}
	grown = append(append(scratch[:0], whole...), fraction...)
	d.digits = bytes.TrimLeft(grown, "0")
	d.point = len(whole) - (len(grown) - len(d.digits)) + exponent
	d.digits = bytes.TrimRight(d.digits, "0")
	if len(d.digits) == 0 {
		return decimal{}, grown, true
	}
	return d, grown, max(d.point, len(d.digits))+max(-d.point, 0) <= MaxDigits
}

// parseExponent saturates: far outside MaxDigits all exponents are alike.
func parseExponent(text []byte) int {
	const enough = 1_000_000_000
	negative := len(text) > 0 && text[0] == '-'
	n := 0
	for _, c := range bytes.TrimLeft(text, "+-") {
		if n = n*10 + int(c-'0'); n > enough {
			n = enough
		}
	}
	if negative {
		return -n
	}
	return n
}

// integral reports whether there is nothing after the point.
func (d decimal) integral() bool { return len(d.digits) <= d.point || len(d.digits) == 0 }

// compare returns -1, 0 or +1.
func (d decimal) compare(other decimal) int {
	if sign := d.sign() - other.sign(); sign != 0 || d.sign() == 0 {
		return min(max(sign, -1), 1)
	}
	larger := 1
	if d.negative {
		larger = -1
	}
	switch {
	case d.point > other.point:
		return larger
	case d.point < other.point:
		return -larger
	}
	return larger * bytes.Compare(d.digits, other.digits)
}

func (d decimal) sign() int {
	switch {
	case len(d.digits) == 0:
		return 0
	case d.negative:
		return -1
	}
	return 1
}

// appendPlain writes d without exponent and without superfluous zeros: equal numbers get equal text.
func (d decimal) appendPlain(to []byte) []byte {
	if len(d.digits) == 0 {
		return append(to, '0')
	}
	if d.negative {
		to = append(to, '-')
	}
	whole := min(max(d.point, 0), len(d.digits))
	to = append(to, d.digits[:whole]...)
	to = appendZeros(to, d.point-whole)
	if d.point <= 0 {
		to = append(to, '0')
	}
	if d.integral() {
		return to
	}
	to = appendZeros(append(to, '.'), -d.point)
	return append(to, d.digits[whole:]...)
}

func appendZeros(to []byte, n int) []byte {
	for range n {
		to = append(to, '0')
	}
	return to
}

// appendFloat writes the shortest text that reads back as the same float8.
func appendFloat(to, text []byte) ([]byte, bool) {
	number, err := strconv.ParseFloat(view(text), 64) // The error quotes its input and ends here.
	if err != nil {
		return to, false
	}
	return strconv.AppendFloat(to, number, 'g', -1, 64), true
}

// validNumber reports whether text is a number in JSON's grammar. YAML allows more: 0x1f, 1_000, .5, .inf.
func validNumber(text []byte) bool {
	rest := bytes.TrimPrefix(text, []byte{'-'})
	whole := digits(rest)
	if whole == 0 || whole > 1 && rest[0] == '0' {
		return false
	}
	rest = rest[whole:]
	if len(rest) > 0 && rest[0] == '.' {
		fraction := digits(rest[1:])
		if fraction == 0 {
			return false
		}
		rest = rest[1+fraction:]
	}
	if len(rest) > 0 && (rest[0] == 'e' || rest[0] == 'E') {
		rest = rest[1:]
		if len(rest) > 0 && (rest[0] == '+' || rest[0] == '-') {
			rest = rest[1:]
		}
		exponent := digits(rest)
		if exponent == 0 {
			return false
		}
		rest = rest[exponent:]
	}
	return len(rest) == 0
}

// digits counts the ASCII digits that text begins with.
func digits(text []byte) int {
	n := 0
	for n < len(text) && text[n] >= '0' && text[n] <= '9' {
		n++
	}
	return n
}
