package fetcher

import "time"

// Drained decides when a fetcher that need not keep listening may stop: nothing in flight here, emptyPolls long polls
// in a row empty, and twice, settle apart, no message left in the queue's own counts, which lag behind the truth. It is
// a pure core, not safe for concurrent use.
type Drained struct {
	// Settle is the pause between the two readings: 5 s for SQS, 0 for a queue with exact counts.
	Settle time.Duration
	// Patience is how long messages may stay invisible, in somebody else's hands, before it gives up on them.
	Patience time.Duration

	empty     int
	zeroSince time.Time
	idleSince time.Time
}

const emptyPolls = 3

// DrainVerdict is what a look at the queue means.
type DrainVerdict int

// The verdicts.
const (
	// DrainGoOn means that there is, or may be, more to do.
	DrainGoOn DrainVerdict = iota
	// DrainDone means that the queue is empty.
	DrainDone
	// DrainStuck means that messages stay invisible in somebody else's hands.
	DrainStuck
)

// Polled notes the end of a long poll.
func (d *Drained) Polled(messages int) {
	if messages > 0 {
		*d = Drained{Settle: d.Settle, Patience: d.Patience}
		return
	}
	d.empty++
}

// WantsCounts says whether it is worth reading the queue's counts now.
func (d *Drained) WantsCounts(inFlight int) bool {
	return inFlight == 0 && d.empty >= emptyPolls
}

// Counted judges a reading of the counts that was begun with nothing in flight.
func (d *Drained) Counted(now time.Time, c Counts) DrainVerdict {
	if d.idleSince.IsZero() {
		d.idleSince = now
	}
	if c.Sum() > 0 {
		d.zeroSince = time.Time{}
		if c.Visible == 0 && c.Delayed == 0 && now.Sub(d.idleSince) > d.Patience {
			return DrainStuck
		}
		return DrainGoOn
	}
	if d.zeroSince.IsZero() {
		d.zeroSince = now
		if d.Settle > 0 {
			return DrainGoOn
		}
	}
	if now.Sub(d.zeroSince) < d.Settle {
		return DrainGoOn
	}
	return DrainDone
}
