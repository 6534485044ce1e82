package fetcher

// Pace decides how many receives run at a time, so that an empty queue costs the requests of one poller. A receive that
// brings nothing leaves one poller as a scout; one that is full brings all back at once, one that is not adds one; one that
// fails tells nothing about the queue. What runs already goes on: a long poll that is cut hides its messages. It is a pure
// core, not safe for concurrent use.
type Pace struct {
	least, most int
	allowed     int
	running     int
}

// NewPace allows most receives at first and least, at least 1, while the queue is empty.
func NewPace(least, most int) *Pace { return &Pace{least: least, most: most, allowed: most} }

// Allows says whether another receive may begin.
func (p *Pace) Allows() bool { return p.running < p.allowed }

// Begin notes that one has begun.
func (p *Pace) Begin() { p.running++ }

// Failed notes that one has ended without an answer.
func (p *Pace) Failed() { p.running-- }

// End notes that one has brought so many of the messages asked for.
func (p *Pace) End(messages, asked int) {
	p.running--
	switch {
	case messages == 0:
		p.allowed = p.least
	case messages < asked:
		p.allowed = min(p.allowed+1, p.most)
	default:
		p.allowed = p.most
	}
}
