package ledger

import (
	"github.com/maskline/maskline/services/maskline/oracle"
	"github.com/maskline/maskline/services/maskline/traffic"
)

// Expect is the entry of a message that the queue took under an id. What the mapping makes of it is the oracle's to say;
// what Postgres refuses, the message's own.
func Expect(o *oracle.Oracle, id string, m traffic.Message) Expected {
	if m.Refused {
		return Expected{ID: id, Reason: traffic.RefusedReason, Column: traffic.RefusedColumn}
	}
	outcome := o.Expect(m.Body)
	return Expected{ID: id, Row: outcome.Row, Reason: outcome.Reason, Column: outcome.Column}
}
