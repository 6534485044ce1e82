package simulation

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/maskline/maskline/services/fetcher"
)

// queue is SQS: a queue and its dead-letter queue, with everything that SQS may do by its contract.
type queue struct {
	world      *World
	visibility time.Duration
	// maxReceives is the redrive policy's maxReceiveCount, 0 for none.
	maxReceives int
	lastID      int
	messages    []*message
	letters     []*message
	polls       []*poll
	returning   int // deleted messages that will come back
}

// message is one message of either queue.
type message struct {
	id         string
	body       *body
	attributes []fetcher.Attribute
	sentMS     int64
	visibleAt  time.Duration
	receives   int
	handle     string // of the newest receive
}

type poll struct {
	process *process
	life    int
	until   time.Duration
	answer  func([]fetcher.Message, error)
}

var errLost = errors.New("connection reset")

func newQueue(w *World) *queue {
	q := &queue{world: w, visibility: w.setup.visibility}
	if w.rates[deadLetteredBySQS] > 0 {
		q.maxReceives = 1 + w.random.IntN(6)
	}
	return q
}

// add puts a message in, visible at once.
func (q *queue) add(b *body, attributes []fetcher.Attribute) *message {
	q.lastID++
	m := &message{
		id: "m" + strconv.Itoa(q.lastID), body: b, attributes: attributes, visibleAt: q.world.now,
		sentMS: q.world.time().UnixMilli(),
	}
	if attribute(attributes, fetcher.OriginAttribute) == "" {
		b.origins = append(b.origins, "1;"+m.id+";"+strconv.FormatInt(m.sentMS, 10))
	}
	q.messages = append(q.messages, m)
	q.world.after(0, q.serve)
	return m
}

// call is one request to SQS: it may be lost on the way there, when nothing is done, or on the way back, when all is.
func (q *queue) call(p *process, request, response fault, apply func(), answer func(error)) {
	w := q.world
	delay := w.latency()
	if w.strikes(slowQueue) {
		delay += w.between(second, 12*second)
	}
	life := p.life
	reply := func(d time.Duration, err error) {
		w.after(d, func() { p.during(life, func() { answer(err) }) })
	}
	w.after(delay, func() {
		if w.strikes(request) {
			reply(w.between(ms, 5*second), errLost)
			return
		}
		apply()
		if w.strikes(response) {
			reply(w.between(ms, 5*second), errLost)
			return
		}
		reply(w.latency(), nil)
	})
}

// receive is a long poll.
func (q *queue) receive(p *process, wait time.Duration, answer func([]fetcher.Message, error)) {
	x := &poll{process: p, life: p.life, answer: answer}
	q.world.after(q.world.latency(), func() {
		if q.world.strikes(lostReceiveRequest) {
			q.reply(x, nil, errLost)
			return
		}
		x.until = q.world.now + wait
		q.polls = append(q.polls, x)
		q.world.after(wait, q.serve)
		q.serve()
	})
}

// serve answers the polls that can be, or must be, answered now.
func (q *queue) serve() {
	w := q.world
	for i := 0; i < len(q.polls); {
		x := q.polls[i]
		if x.process.life != x.life || !x.process.up {
			q.polls = slices.Delete(q.polls, i, i+1) // its connection is closed
			continue
		}
		got := q.take()
		if len(got) == 0 && w.now < x.until {
			i++
			continue
		}
		q.polls = slices.Delete(q.polls, i, i+1)
		if w.strikes(lostReceiveAnswer) {
			q.reply(x, nil, errLost)
			continue
		}
		q.reply(x, got, nil)
	}
}

func (q *queue) reply(x *poll, got []fetcher.Message, err error) {
	q.world.after(q.world.latency(), func() { x.process.during(x.life, func() { x.answer(got, err) }) })
}

// take hides up to ten visible messages, in no order, and gives each a new receipt handle. Now and then it takes one
// that is hidden: a queue delivers at least once.
func (q *queue) take() (got []fetcher.Message) {
	w := q.world
	first := 0
	if len(q.messages) > 0 {
		first = w.random.IntN(len(q.messages))
	}
	again := w.strikes(secondDelivery)
	for _, m := range slices.Concat(q.messages[first:], q.messages[:first]) {
		hidden := m.visibleAt > w.now
		if len(got) == 10 || hidden && (m.receives == 0 || !again) {
			continue
		}
		again = again && !hidden
		if q.maxReceives > 0 && m.receives >= q.maxReceives && !hidden && !w.healing {
			w.counts[deadLetteredBySQS]++
			w.note("queue", "moves %s to the dead-letter queue after %d receives", m.id, m.receives)
			q.remove(m)
			q.letters = append(q.letters, m)
			continue
		}
		m.receives++
		m.handle = m.id + "/" + strconv.Itoa(m.receives)
		q.show(m, w.now+q.visibility)
		if w.calm && m.receives > 1 {
			w.broken("%s was received again though nothing broke: its visibility was not extended in time", m.id)
		}
		got = append(got, fetcher.Message{
			ID: m.id, Receipt: m.handle, Body: m.body.text, SentMS: m.sentMS, ReceiveCount: m.receives,
			Attributes: m.attributes,
		})
	}
	return got
}

func (q *queue) show(m *message, at time.Duration) {
	m.visibleAt = at
	q.world.after(at-q.world.now, q.serve)
}

func (q *queue) remove(m *message) {
	q.messages = slices.DeleteFunc(q.messages, func(x *message) bool { return x == m })
}

func (q *queue) find(id string) *message {
	for _, m := range q.messages {
		if m.id == id {
			return m
		}
	}
	return nil
}

// delete removes messages by their handles. A handle that is not the newest does nothing, and is answered with success.
func (q *queue) delete(p *process, receipts []fetcher.Receipt, answer func([]fetcher.Failure, error)) {
	var failed []fetcher.Failure
	w := q.world
	q.call(p, lostDeleteRequest, lostDeleteAnswer, func() {
		for i, r := range receipts {
			m := q.find(r.ID)
			switch {
			case w.strikes(failedEntry):
				failed = append(failed, fetcher.Failure{Index: i, Code: "InternalError"})
			case m == nil || m.handle != r.Handle || w.strikes(ignoredDelete):
				w.note("queue", "delete of %s has no effect", r.Handle)
			default:
				w.checkDelete(m, p.name)
				q.remove(m)
				if w.strikes(returnOfTheDeleted) {
					q.comeBack(m)
				}
			}
		}
	}, func(err error) { answer(failed, err) })
}

// comeBack lets a deleted message reappear: one of SQS's servers missed the delete.
func (q *queue) comeBack(m *message) {
	q.returning++
	q.world.after(q.world.between(second, 20*second), func() {
		q.returning--
		q.messages = append(q.messages, m)
		q.show(m, q.world.now)
	})
}

// extend hides messages anew, or gives them back where visibility is 0.
func (q *queue) extend(p *process, receipts []fetcher.Receipt, visibility time.Duration, answer func([]fetcher.Failure, error)) {
	var failed []fetcher.Failure
	w := q.world
	q.call(p, lostExtendRequest, lostExtendAnswer, func() {
		for i, r := range receipts {
			m := q.find(r.ID)
			switch {
			case w.strikes(failedEntry):
				failed = append(failed, fetcher.Failure{Index: i, Code: "InternalError"})
			case m == nil:
				failed = append(failed, fetcher.Failure{Index: i, Code: "InvalidParameterValue"})
			case m.handle != r.Handle:
				if w.strikes(refusedStaleHandle) {
					failed = append(failed, fetcher.Failure{Index: i, Code: "ReceiptHandleIsInvalid"})
				}
			case m.visibleAt <= w.now:
				failed = append(failed, fetcher.Failure{Index: i, Code: "MessageNotInflight"})
			default:
				q.show(m, w.now+visibility)
			}
		}
	}, func(err error) { answer(failed, err) })
}

// deadLetter takes copies of rejected messages, each of which must tell what it is a copy of, and why it is there.
func (q *queue) deadLetter(p *process, letters []fetcher.Letter, answer func([]fetcher.Failure, error)) {
	var failed []fetcher.Failure
	w := q.world
	q.call(p, lostLetterRequest, lostLetterAnswer, func() {
		for i, l := range letters {
			if w.strikes(failedEntry) {
				failed = append(failed, fetcher.Failure{Index: i, Code: "InternalError"})
				continue
			}
			q.lastID++
			m := &message{id: "d" + strconv.Itoa(q.lastID), body: w.bodyOf(l.Body), attributes: l.Attributes, sentMS: w.time().UnixMilli()}
			w.checkLetter(m)
			m.body.lettered = true
			q.letters = append(q.letters, m)
			w.note("queue", "takes the letter %s: message %d, %s", m.id, m.body.number, attribute(l.Attributes, fetcher.RejectAttribute))
		}
	}, func(err error) { answer(failed, err) })
}

// redrive moves one letter back to the queue. Ours keeps its origin, and gives one to a letter that SQS itself moved
// there; SQS's own keeps the attributes and mints a new id, under which a letter without an origin is a new message.
func (q *queue) redrive(i int, ours bool) {
	l := q.letters[i]
	q.letters = slices.Delete(q.letters, i, i+1)
	attributes := l.attributes
	if ours && attribute(attributes, fetcher.OriginAttribute) == "" {
		origin := fetcher.Origin{ID: l.id, SentMS: l.sentMS}.Attribute()
		attributes = append(slices.Clip(attributes), fetcher.Attribute{Name: fetcher.OriginAttribute, Type: "String", String: origin})
	}
	m := q.add(l.body, attributes)
	q.world.note("operator", "redrives %s as %s, by SQS %v", l.id, m.id, !ours)
}

// reasonOf reads why a letter is there.
func reasonOf(m *message) (reason, column string) {
	var r fetcher.Reject
	if json.Unmarshal([]byte(attribute(m.attributes, fetcher.RejectAttribute)), &r) != nil {
		return "", ""
	}
	return r.Reason, r.Column
}
