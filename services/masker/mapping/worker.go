package mapping

import (
	"bytes"
	"fmt"
)

// MaxRowBytes is how large the values of one row may be together. A body of a megabyte can grow when several columns
// read one field.
const MaxRowBytes = 2 << 20

// Record is one event as the fetcher sent it. Apply keeps nothing of it.
type Record struct {
	// Body is the message's body: opaque so far, and possibly no JSON.
	Body []byte
	// EventID goes into the batch beside the row.
	EventID [16]byte
	// SentAtMS is when the event was first sent, in milliseconds of Unix time. Dates are made from it, never from now.
	SentAtMS int64
	// ReceiveCount is how often SQS has delivered the message.
	ReceiveCount uint32
	// MessageID, GroupID, Queue and TraceID are metadata; empty is NULL.
	MessageID, GroupID, Queue, TraceID string
	// Attribute returns the producer's message attribute of that name. Nil is the same as none.
	Attribute func(name string) ([]byte, bool)
}

// Worker runs a program over records. It is not safe for concurrent use: one per goroutine. It prints as one word,
// because it holds keyed hashes and the last record's values.
type Worker struct {
	program    *Program
	scanner    *scanner
	maskers    []*masker
	reader     reader
	normalizer normalizer
	meta       []byte
	row        []byte
	ends       []int
	nulls      []bool
}

// NewWorker returns a worker of the program.
func (p *Program) NewWorker() *Worker {
	w := &Worker{
		program: p,
		scanner: newScanner(p.trie, p.mapping.rejectUnknown),
		maskers: make([]*masker, len(p.columns)),
		ends:    make([]int, len(p.columns)),
		nulls:   make([]bool, len(p.columns)),
	}
	for i := range p.columns {
		w.maskers[i] = newMasker(&p.columns[i])
	}
	return w
}

// Apply appends the row that the record becomes to out, or leaves out as it is and says why. out must come from
// NewBatch of the same program.
func (w *Worker) Apply(r *Record, out *Batch) Result {
	if reason, field := w.scanner.scan(r.Body); reason != "" {
		return rejected(reason, field)
	}
	for i := range w.program.when {
		if condition := &w.program.when[i]; !w.matches(condition) {
			if w.program.mapping.skipUnmatched {
				return Result{Verdict: Skipped}
			}
			return rejected(NoMatch, w.program.trie.slots[condition.slot].text)
		}
	}
	if w.scanner.unknown != "" {
		return rejected(UnknownField, w.scanner.unknown)
	}
	if w.row = w.row[:0]; cap(w.row) > maxKept {
		w.row = nil
	}
	for i := range w.program.columns {
		c := &w.program.columns[i]
		reason, field := w.evaluate(c, w.maskers[i], r, &w.nulls[i])
		if reason == "" && len(w.row) > MaxRowBytes {
			reason, field = TooLong, c.source.field(0)
		}
		if reason != "" {
			return rejected(reason, field)
		}
		w.ends[i] = len(w.row)
	}
	out.append(r.EventID, w.row, w.ends, w.nulls)
	return Result{Verdict: Accepted}
}

// evaluate appends one column's value to the row: find, normalize, default or required, read, limits, mask.
func (w *Worker) evaluate(c *compiled, m *masker, r *Record, null *bool) (Reason, string) {
	v, position, reason := w.find(c, r)
	if reason != "" {
		return reason, c.source.field(position)
	}
	if v = w.normalizer.run(c.steps, v); v.null() && c.otherwise != nil {
		v = *c.otherwise
	}
	if *null = v.null(); *null {
		if c.required {
			return Missing, c.source.field(position)
		}
		return "", ""
	}
	text, reason := w.reader.read(c.kind, v)
	if reason == "" {
		reason = c.limits.check(c.kind, text, &w.reader)
	}
	if reason != "" {
		return reason, c.source.field(position)
	}
	return w.write(c, m, v, text, null)
}

// write appends the value, or what the mask makes of it.
func (w *Worker) write(c *compiled, m *masker, v value, text []byte, null *bool) (Reason, string) {
	var salt []byte
	if c.saltSlot != noSlot {
		var reason Reason
		if salt, reason = w.reader.readSalt(w.scanner.values[c.saltSlot]); reason != "" {
			return reason, c.mask.salt.text
		}
	}
	switch c.mask.kind {
	case maskNone:
		w.row = append(w.row, text...)
	case maskHMAC:
		if c.kind == kindIP {
			text = w.reader.address[:]
		}
		w.row = m.appendMAC(w.row, salt, text)
	case maskSHA256:
		w.row = m.appendSHA256(w.row, salt, v.text)
	case maskNullify:
		*null = true
	case maskRedact:
		w.row = append(w.row, RedactedText...)
	}
	return "", ""
}

// find returns the column's raw value and which of its paths it came from.
func (w *Worker) find(c *compiled, r *Record) (v value, position int, reason Reason) {
	switch {
	case c.source.constant != nil:
		return *c.source.constant, 0, ""
	case c.source.meta != nil:
		v, w.meta, reason = c.source.meta.read(w.program, r, w.meta)
		return v, 0, reason
	}
	for i, slot := range c.slots {
		if v := w.scanner.values[slot]; !v.null() {
			return v, i, ""
		}
	}
	return value{}, 0, ""
}

func (w *Worker) matches(c *compiledCondition) bool {
	v := w.scanner.values[c.slot]
	for i := range c.accept {
		if w.equal(v, c.accept[i]) {
			return true
		}
	}
	return false
}

// equal compares as JSON does, numbers by value. Missing equals null.
func (w *Worker) equal(v, wanted value) bool {
	switch {
	case v.null() || wanted.null():
		return v.null() && wanted.null()
	case v.kind != wanted.kind:
		return false
	case v.kind != '0':
		return bytes.Equal(v.text, wanted.text)
	}
	plain, reason := w.reader.readSalt(v) // Parse wrote the wanted number plainly as well.
	return reason == "" && bytes.Equal(plain, wanted.text)
}

// Format hides the worker's insides from every verb.
func (w Worker) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[worker]")) }
