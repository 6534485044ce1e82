// Package oracle says what must become of a login: the row of a built-in mapping, or the reason of its rejection. It is
// written from docs/mapping.md with the standard library alone and shares no line with the masker, so that a mistake of
// the one is not a mistake of the other. It never prints a value or a key, and knows no mapping but the built-in ones.
package oracle

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Oracle answers for one built-in mapping and one key. Safe for concurrent use.
type Oracle struct {
	mapping string
	keyID   string
	// ip and device are the subkeys of the two domains.
	ip, device []byte
}

// Outcome is what must become of a body: a row, or a reason.
type Outcome struct {
	// Row is the text of each column as Postgres prints it, nil for NULL; without create_date and event_id, which are
	// about the message and not about its body. A nil map: no row.
	Row map[string]*string
	// Reason and Column are those of the rejection; Column is empty where no single field is to blame.
	Reason, Column string
}

// New makes an oracle for login, login-joinable or login-original. The key file's text is needed for the first two.
func New(mapping string, keyFile []byte) (*Oracle, error) {
	o := &Oracle{mapping: mapping}
	switch mapping {
	case "login-original":
		return o, nil
	case "login", "login-joinable":
	default:
		return nil, fmt.Errorf("mapping %s: what it makes of a message can be told in advance only for login, login-joinable and login-original", mapping)
	}
	id, root, err := primary(keyFile)
	if err != nil {
		return nil, err
	}
	o.keyID, o.ip, o.device = id, subkey(root, "ip"), subkey(root, "device_id")
	return o, nil
}

// Format keeps the subkeys out of every verb.
func (o Oracle) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[oracle]")) }

func rejected(reason, column string) Outcome { return Outcome{Reason: reason, Column: column} }

// Expect says what must become of a body. The columns are taken in the mapping's order: the first that is refused
// decides.
func (o *Oracle) Expect(body string) Outcome {
	fields, reason, column := read(body)
	if reason != "" {
		return rejected(reason, column)
	}
	row := make(map[string]*string, 6)
	var user string
	for _, c := range []struct {
		field, column string
		max           int
		convert       func(text string) (string, bool)
		mask          func(user, text string) string
	}{
		{field: "user_id", column: "user_id", max: 128},
		{field: "device_type", column: "device_type", max: 32},
		{field: "ip", column: "masked_ip", convert: address, mask: o.maskAddress},
		{field: "device_id", column: "masked_device_id", mask: o.maskDevice},
		{field: "locale", column: "locale", max: 32},
		{field: "app_version", column: "app_version", convert: version},
	} {
		f := fields[c.field]
		switch {
		case f.kind == missing && c.field == "user_id":
			return rejected("missing", c.field)
		case f.kind == missing:
			row[c.column] = nil
			continue
		case f.kind != text:
			return rejected("wrong_type", c.field)
		case c.max > 0 && utf8.RuneCountInString(f.text) > c.max:
			return rejected("too_long", c.field)
		}
		written := f.text
		if c.convert != nil {
			var ok bool
			if written, ok = c.convert(f.text); !ok {
				return rejected("bad_format", c.field)
			}
		}
		if c.field == "user_id" {
			user = f.text
		}
		if c.mask != nil {
			if user == "" && o.mapping != "login-joinable" {
				return rejected("missing", "user_id") // as the salt
			}
			written = c.mask(user, f.text)
		}
		row[c.column] = &written
	}
	return Outcome{Row: row}
}

// address accepts what is one, without a zone.
func address(given string) (string, bool) { return given, net.ParseIP(given) != nil }

// version is major × 1,000,000 + minor × 1,000 + patch, of 1 to 3 groups of 1 to 3 digits.
func version(given string) (string, bool) {
	groups := strings.Split(given, ".")
	if len(groups) > 3 {
		return "", false
	}
	total, weight := 0, 1_000_000
	for _, group := range groups {
		if len(group) < 1 || len(group) > 3 || strings.Trim(group, "0123456789") != "" {
			return "", false
		}
		n, err := strconv.Atoi(group)
		if err != nil {
			return "", false
		}
		total += n * weight
		weight /= 1000
	}
	return strconv.Itoa(total), true
}
