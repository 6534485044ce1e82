// Package traffic makes, reads and sends messages: generated sample logins, or those of a file. It promises that equal
// seeds give equal samples, and that a message of a file is sent byte for byte or not at all. It never prints a body,
// and never sends one that SQS would refuse or change.
package traffic

import (
	"fmt"
	"unicode/utf8"
)

// maxBody is the largest message that SQS takes.
const maxBody = 1 << 20

// Message is one message to be sent.
type Message struct {
	// Body is sent as it is.
	Body string
	// Origin is the value of the attribute fetcher.OriginAttribute; empty: it is sent without.
	Origin string
	// Place says where it comes from, for complaints: "message 7" or "orders.jsonl: line 7".
	Place string
	// Malformed says that it was made to be rejected by the mapping. Always false for those of a file.
	Malformed bool
	// Refused says that it was made to be accepted by the mapping and refused by Postgres; see Constraint.
	Refused bool
}

// Check says why SQS would not carry a message as it is; nil if it would. The set of characters is that of
// SendMessage's manual.
func (m Message) Check() error {
	switch {
	case m.Body == "":
		return fmt.Errorf("%s: empty: SQS takes no message without a body", m.Place)
	case len(m.Body) > maxBody:
		return fmt.Errorf("%s: %d bytes: SQS takes at most %d", m.Place, len(m.Body), maxBody)
	case !utf8.ValidString(m.Body):
		return fmt.Errorf("%s: not UTF-8: SQS carries text only", m.Place)
	}
	for _, r := range m.Body {
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == '\ufffe' || r == '\uffff' {
			return fmt.Errorf("%s: character U+%04X: SQS refuses it; in JSON, write it as an escape", m.Place, r)
		}
	}
	return nil
}
