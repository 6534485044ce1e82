package config

import (
	"fmt"
	"io"
	"log/slog"
	"regexp"
)

const masked = "***"

// Secret is a text that prints as *** in every way: fmt, slog, JSON, and also inside a struct's unexported field, where
// fmt calls no methods. The zero value is the empty text, and prints as such, so that one can see that it is not set.
type Secret struct {
	// A pointer, because fmt prints the address of a pointer below the top and not what it points to.
	value *string
}

// NewSecret hides text.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{value: &text}
}

// Reveal gives the text away.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// String is *** or empty.
func (s Secret) String() string {
	if s.value == nil {
		return ""
	}
	return masked
}

// GoString is what %#v prints.
func (s Secret) GoString() string { return fmt.Sprintf("config.Secret(%q)", s.String()) }

// Format answers every verb, so that none falls back to reflection.
func (s Secret) Format(f fmt.State, verb rune) {
	switch {
	case verb == 'v' && f.Flag('#'):
		_, _ = io.WriteString(f, s.GoString())
	case verb == 'q':
		_, _ = fmt.Fprintf(f, "%q", s.String())
	default:
		_, _ = io.WriteString(f, s.String())
	}
}

// LogValue is what slog writes.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText is what encoders of text write.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON is what encoders of JSON write.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + s.String() + `"`), nil }

// maskURL hides the password of a URL that a plain setting may hold.
func maskURL(text string) string {
	return regexp.MustCompile(`(://[^/@:\s]*):[^/\s]*@`).ReplaceAllString(text, "${1}:"+masked+"@")
}
