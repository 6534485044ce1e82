package fetcher

import "time"

// Cause says why a message came again, as far as this fetcher can know.
type Cause string

// The causes. The first two are of a message that is in flight here; the last is of one that this process has never had
// or has forgotten; the others say how it left the in-flight table.
const (
	// CauseDeliveredTwice: its visibility timeout was not over. SQS delivers at least once.
	CauseDeliveredTwice Cause = "delivered_twice"
	// CauseVisibilityLapsed: its visibility timeout was over, or could not be extended.
	CauseVisibilityLapsed Cause = "visibility_lapsed"
	// CauseDeleted: the queue had said that it is deleted.
	CauseDeleted Cause = "deleted"
	// CauseGivenUp: its receipt handle could do nothing any more.
	CauseGivenUp Cause = "given_up"
	// CauseReleased: it was given back at a stop.
	CauseReleased Cause = "released"
	// CauseLeft: it was rejected and left to the queue's redrive policy.
	CauseLeft Cause = "left_to_redrive"
	// CauseElsewhere: another fetcher had it, or one that died.
	CauseElsewhere Cause = "elsewhere"
)

func causes() []Cause {
	return []Cause{
		CauseDeliveredTwice, CauseVisibilityLapsed, CauseDeleted, CauseGivenUp, CauseReleased, CauseLeft, CauseElsewhere,
	}
}

// Redelivery says why the message that Receive has just taken came again; empty if it is here for the first time. Only
// one that SQS has counted more than once costs a second look-up.
func (t *Table) Redelivery(now time.Time, e *Entry, fresh bool) Cause {
	switch {
	case !fresh && now.Before(e.hidden):
		return CauseDeliveredTwice
	case !fresh:
		return CauseVisibilityLapsed
	case e.Message.ReceiveCount <= 1:
		return ""
	}
	if why, known := t.exits.why(e.Message.ID); known {
		return why
	}
	return CauseElsewhere
}

// exitsKept is how many messages are remembered after they have left: at 1,000 a second, for 20 seconds.
const exitsKept = 20_000

// exits remembers why the newest messages left the table, and forgets the oldest.
type exits struct {
	ids  []string // a ring
	next int
	of   map[string]exit
}

type exit struct {
	why  Cause
	slot int // in the ring: a message that left twice has an older slot too, which no longer counts
}

func newExits(limit int) *exits { return &exits{ids: make([]string, limit), of: map[string]exit{}} }

func (x *exits) add(id string, why Cause) {
	oldest := x.ids[x.next]
	if last, known := x.of[oldest]; known && last.slot == x.next {
		delete(x.of, oldest)
	}
	x.ids[x.next] = id
	x.of[id] = exit{why, x.next}
	x.next = (x.next + 1) % len(x.ids)
}

func (x *exits) why(id string) (Cause, bool) {
	e, known := x.of[id]
	return e.why, known
}
