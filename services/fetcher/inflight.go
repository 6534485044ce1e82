package fetcher

import (
	"errors"
	"slices"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/maskline/maskline/pkg/relay"
	relayv1 "github.com/maskline/maskline/proto/gen/maskline/relay/v1"
)

// entryOverhead is what an entry takes in memory beside the message's own bytes; counted so that many tiny messages
// are bounded too.
const entryOverhead = 512

// stage is where an entry stands. It only moves forward, but for held, to which an unfinished batch brings it back.
type stage uint8

const (
	held      stage = iota // to be sent downstream
	sent                   // in a batch downstream
	parked                 // rejected while the brake held; to be sent downstream again when it is off
	letter                 // rejected: to be sent to the dead-letter queue
	finished               // to be deleted
	overThere              // left the table
)

// Entry is one message between its receive and its delete.
type Entry struct {
	Message Message // Message.Receipt is the newest receipt handle
	Origin  Origin
	EventID [16]byte
	// Rejection is set from the verdict on.
	Rejection *relayv1.Rejection
	// Received is the span of the receive that brought it.
	Received trace.SpanContext
	// Forwarded is the span of the batch that settled it.
	Forwarded trace.SpanContext

	stage     stage
	size      int64
	deadline  time.Time // when the queue shows it to others again
	hidden    time.Time // what the deadline was when it came again; zero if its visibility was lost
	notBefore time.Time // pause after a failure
	forwarded bool      // has been downstream, so may be in the table
	lapsed    bool      // its visibility is lost; extending is of no use
	extending bool
}

// Table is the in-flight table: every message from the reservation before its receive until it is deleted, released or
// given up, which is the moment, and the only one, that gives its credit back. It is a pure core: events and the time
// go in, what to do comes out; not safe for concurrent use.
type Table struct {
	limitRecords int
	limitBytes   int64
	visibility   time.Duration
	brake        *Brake

	usedRecords int
	usedBytes   int64
	entries     map[string]*Entry
	batches     map[uint64][]*Entry
	queues      [overThere][]*Entry // the entries of a stage, in order; sent ones are in batches instead
	heldBytes   int64
	heldGone    int      // dropped entries still in the queue of held ones
	later       []*Entry // those whose notBefore is still to come
	exits       *exits
}

// NewTable returns an empty table with its ceilings and the queue's visibility timeout.
func NewTable(limitRecords int, limitBytes int64, visibility time.Duration, brake *Brake) *Table {
	return &Table{
		limitRecords: limitRecords, limitBytes: limitBytes, visibility: visibility, brake: brake,
		entries: map[string]*Entry{}, batches: map[uint64][]*Entry{}, exits: newExits(exitsKept),
	}
}

// Reserve sets credit aside for a receive of so many messages of at most so many bytes each, or reports false.
func (t *Table) Reserve(records int, messageBytes int64) bool {
	bytes := int64(records) * (messageBytes + entryOverhead)
	if t.usedRecords+records > t.limitRecords || t.usedBytes+bytes > t.limitBytes {
		return false
	}
	t.usedRecords += records
	t.usedBytes += bytes
	return true
}

// Refund gives a reservation back, once its messages are in the table.
func (t *Table) Refund(records int, messageBytes int64) {
	t.usedRecords -= records
	t.usedBytes -= int64(records) * (messageBytes + entryOverhead)
}

// Receive takes a message in, hidden until deadline. One that is in the table already only brings a newer receipt
// handle, the one that counts from now on; it is not forwarded again, and fresh is false.
func (t *Table) Receive(m Message, deadline time.Time, span trace.SpanContext) (e *Entry, fresh bool) {
	if e := t.entries[m.ID]; e != nil {
		if m.ReceiveCount < e.Message.ReceiveCount { // the answer to a later receive was faster
			return e, false
		}
		e.Message.ReceiveCount = m.ReceiveCount
		e.Message.Receipt = m.Receipt
		e.hidden = e.deadline
		if e.lapsed {
			e.hidden = time.Time{}
		}
		e.deadline, e.lapsed = deadline, false
		return e, false
	}
	e = &Entry{Message: m, deadline: deadline, Received: span, size: entryOverhead + int64(len(m.Body)+len(m.ID)+len(m.Receipt))}
	for _, a := range m.Attributes {
		e.size += int64(a.size())
	}
	var err error
	if e.Origin, err = originOf(m); err != nil {
		e.Origin = Origin{ID: m.ID, SentMS: m.SentMS}
		e.Rejection = &relayv1.Rejection{Reason: reasonBadOrigin, Column: OriginAttribute, Stage: "fetcher"}
	}
	e.EventID = e.Origin.EventID()
	t.entries[m.ID] = e
	t.usedRecords++
	t.usedBytes += e.size
	t.again(e)
	return e, true
}

func originOf(m Message) (Origin, error) {
	for _, a := range m.Attributes {
		if a.Name == OriginAttribute {
			return ParseOrigin(a.String)
		}
	}
	return Origin{ID: m.ID, SentMS: m.SentMS}, nil
}

// Frame returns the next entries to send: at most what one frame may hold, and only a full frame unless partial is
// allowed. They stay held until Sent.
func (t *Table) Frame(partial bool) []*Entry {
	if t.heldGone > 0 {
		t.queues[held] = slices.DeleteFunc(t.queues[held], func(e *Entry) bool { return e.stage == overThere })
		t.heldGone = 0
	}
	q := t.queues[held]
	if len(q) == 0 || !partial && len(q) < relay.MaxFrameRecords && t.heldBytes < relay.MaxFrameBytes {
		return nil
	}
	n, bytes := 1, q[0].size
	for n < len(q) && n < relay.MaxFrameRecords && bytes+q[n].size <= relay.MaxFrameBytes {
		bytes += q[n].size
		n++
	}
	return q[:n:n]
}

// Sent says that the entries which Frame returned are on their way as this batch.
func (t *Table) Sent(batch uint64, frame []*Entry, span trace.SpanContext) {
	t.queues[held] = t.queues[held][len(frame):]
	entries := append([]*Entry(nil), frame...)
	for _, e := range entries {
		e.stage, e.forwarded, e.Forwarded = sent, true, span
		t.heldBytes -= e.size
	}
	t.batches[batch] = entries
}

// Settled sums up what a settlement did.
type Settled struct {
	Committed, Duplicate, Skipped, Retried int
	// Rejected are on their way to the dead-letter queue.
	Rejected []*Entry
	// Parked is how many rejected ones the brake held back.
	Parked int
	// Released says that a commit released the brake.
	Released bool
	// Span is that of the batch.
	Span trace.SpanContext
}

var (
	errUnknownBatch  = errors.New("settlement of a batch that is not outstanding")
	errBadSettlement = errors.New("settlement whose record count or verdicts do not match the batch")
)

// Settle acts on a settlement. One that does not fit its batch settles nothing: the batch is sent again.
func (t *Table) Settle(now time.Time, s *relayv1.Settlement) (Settled, error) {
	entries, ok := t.batches[s.GetBatchId()]
	if !ok {
		return Settled{}, errUnknownBatch
	}
	verdicts, all := s.GetVerdicts(), s.GetAllCommitted() != nil
	if int(s.GetRecordCount()) != len(entries) || !all && len(verdicts) != len(entries) {
		t.Return([]uint64{s.GetBatchId()})
		return Settled{}, errBadSettlement
	}
	delete(t.batches, s.GetBatchId())
	why := map[uint32]*relayv1.Rejection{}
	for _, r := range s.GetRejections() {
		why[r.GetIndex()] = r
	}
	out := Settled{Span: entries[0].Forwarded}
	for i, e := range entries {
		verdict := relayv1.Verdict_VERDICT_COMMITTED
		if !all {
			verdict = relayv1.Verdict(verdicts[i])
		}
		switch verdict {
		case relayv1.Verdict_VERDICT_COMMITTED:
			out.Committed++
			t.through(e, &out)
		case relayv1.Verdict_VERDICT_DUPLICATE:
			out.Duplicate++
			t.through(e, &out)
		case relayv1.Verdict_VERDICT_SKIPPED:
			out.Skipped++
			t.enter(e, finished)
		case relayv1.Verdict_VERDICT_REJECTED:
			t.reject(e, why[uint32(i)], &out)
		default: // unspecified, retry, and whatever a newer peer may say: never a success
			out.Retried++
			t.pause(e, held, now.Add(retryPause))
		}
	}
	return out, nil
}

// retryPause keeps a record that downstream cannot take for the moment from going round in a hot loop.
const retryPause = 250 * time.Millisecond

// through finishes a message that is in the table, and lets those parked behind the brake try again.
func (t *Table) through(e *Entry, out *Settled) {
	t.enter(e, finished)
	if t.brake.Committed() {
		out.Released = true
		t.unpark()
	}
}

func (t *Table) reject(e *Entry, why *relayv1.Rejection, out *Settled) {
	if why == nil {
		why = &relayv1.Rejection{Reason: "unknown"}
	}
	e.Rejection = why
	if !t.brake.Rejected(why.GetReason(), why.GetColumn()) {
		out.Parked++
		t.enter(e, parked)
		return
	}
	out.Rejected = append(out.Rejected, e)
	t.enter(e, letter)
}

func (t *Table) unpark() {
	again := t.queues[parked]
	t.queues[parked] = nil
	for _, e := range again {
		t.again(e)
	}
}

// again sends an entry downstream, but for one that can never go there: it has no origin.
func (t *Table) again(e *Entry) {
	if e.Rejection.GetReason() == reasonBadOrigin {
		t.reject(e, e.Rejection, &Settled{})
		return
	}
	t.enter(e, held)
}

const reasonBadOrigin = "bad_origin"

// Probe lets one parked entry try again, to see whether the mapping has been mended.
func (t *Table) Probe() {
	if q := t.queues[parked]; len(q) > 0 {
		t.queues[parked] = q[1:]
		t.again(q[0])
	}
}

// Return brings batches back whose stream broke. They are sent again first.
func (t *Table) Return(batches []uint64) (records int) {
	var again []*Entry
	for _, b := range batches {
		for _, e := range t.batches[b] {
			e.stage = held
			t.heldBytes += e.size
			again = append(again, e)
		}
		delete(t.batches, b)
	}
	if len(again) > 0 {
		t.queues[held] = append(again, t.queues[held]...)
	}
	return len(again)
}

// enter puts an entry at the end of a stage's queue.
func (t *Table) enter(e *Entry, s stage) {
	e.stage = s
	if s == held {
		t.heldBytes += e.size
	}
	t.queues[s] = append(t.queues[s], e)
}

// pause puts an entry into a stage only at a later time.
func (t *Table) pause(e *Entry, s stage, until time.Time) {
	e.stage, e.notBefore = s, until
	t.later = append(t.later, e)
}

// drop takes an entry out of the table, gives its credit back and remembers why. Its place in a queue is passed over
// later.
func (t *Table) drop(e *Entry, why Cause) {
	if e.stage == overThere {
		return
	}
	if e.stage == held && e.notBefore.IsZero() {
		t.heldBytes -= e.size
		t.heldGone++
	}
	e.stage = overThere
	delete(t.entries, e.Message.ID)
	t.exits.add(e.Message.ID, why)
	t.usedRecords--
	t.usedBytes -= e.size
}

// compact removes the dropped entries at the head of a queue.
func (t *Table) compact(s stage) {
	q := t.queues[s]
	for len(q) > 0 && q[0].stage == overThere {
		q = q[1:]
	}
	t.queues[s] = q
}
