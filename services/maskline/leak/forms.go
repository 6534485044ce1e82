package leak

import (
	"encoding/base64"
	"encoding/hex"
	"net/netip"
	"net/url"
	"strings"
)

// forms are the ways in which a value, or a part of a longer one, could be written.
func forms(value string) []needle {
	encoded := hex.EncodeToString([]byte(value))
	escaped := url.QueryEscape(value)
	all := []needle{
		{text: value, form: "plain"},
		{text: strings.ToUpper(value), form: "upper case"},
		{text: strings.ReplaceAll(value, "-", ""), form: "stripped"},
		{text: encoded, form: "hex"},
		{text: strings.ToUpper(encoded), form: "hex"},
		{text: escaped, form: "URL"},
		{text: lowerEscapes(escaped), form: "URL"},
	}
	for skip := range 3 {
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			all = append(all, needle{text: aligned(encoding, value, skip), form: "base64"})
		}
	}
	if address, err := netip.ParseAddr(value); err == nil {
		all = append(all, needle{text: address.StringExpanded(), form: "expanded"}, needle{text: hex.EncodeToString(address.AsSlice()), form: "hex"},
			needle{text: string(address.AsSlice()), form: "binary"})
	}
	return all
}

// aligned is what base64 makes of a value that begins after skip bytes of a group of three, without the characters that
// neighboring bytes have a share in.
func aligned(encoding *base64.Encoding, value string, skip int) string {
	text := encoding.EncodeToString([]byte(strings.Repeat("x", skip) + value))
	const characterBits, byteBits = 6, 8
	first := (skip*byteBits + characterBits - 1) / characterBits
	last := (skip + len(value)) * byteBits / characterBits
	return text[first:last]
}

// lowerEscapes writes %3A as %3a, which is the same.
func lowerEscapes(escaped string) string {
	var text strings.Builder
	for at := 0; at < len(escaped); at++ {
		if escaped[at] == '%' && at+3 <= len(escaped) {
			text.WriteString(strings.ToLower(escaped[at : at+3]))
			at += 2
			continue
		}
		text.WriteByte(escaped[at])
	}
	return text.String()
}
