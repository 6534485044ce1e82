package fetcher

// Brake stops the intake when so many rejections in a row have the same reason and column with no commit between: then
// the mapping is wrong, not the messages, and the queue must not be emptied into the dead-letter queue. It is a pure
// core, not safe for concurrent use.
type Brake struct {
	limit  int
	reason string
	column string
	count  int
}

// NewBrake returns a brake that holds after limit equal rejections; 0 never holds.
func NewBrake(limit int) *Brake { return &Brake{limit: limit} }

// Rejected counts one rejection and says whether it may go to the dead-letter queue.
func (b *Brake) Rejected(reason, column string) (pass bool) {
	if b.On() {
		return false
	}
	if reason != b.reason || column != b.column {
		b.reason, b.column, b.count = reason, column, 0
	}
	b.count++
	return true
}

// Committed says that a message went through, and reports whether that released the brake.
func (b *Brake) Committed() (released bool) {
	released = b.On()
	b.count = 0
	return released
}

// On says whether the brake holds.
func (b *Brake) On() bool { return b.limit > 0 && b.count >= b.limit }

// Cause is the reason and column that it holds for.
func (b *Brake) Cause() (reason, column string) { return b.reason, b.column }
