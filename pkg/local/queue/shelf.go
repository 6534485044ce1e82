package queue

import (
	"container/heap"
	"container/list"
	"time"
)

// shelf is one queue: a line of visible messages, and a heap of hidden and delayed ones by the moment they come (back)
// into the line, where they stand at its end. It is told the time and knows no lock, clock or network.
// Sending, taking, hiding and deleting cost O(log n).
type shelf struct {
	name              string
	attributes        map[string]string
	settings          settings
	created, modified time.Time
	id                string // tells this queue from an earlier one of the same name

	line    list.List // of *message, visible, oldest first
	timed   deadlines // hidden and delayed
	delayed int       // how many of timed have not been visible yet
	stored  map[uint64]*message
	last    uint64 // key of the newest message
	tally   Tally

	// changed is closed when waiting receivers should look again. nil while nobody waits: most sends wake no one.
	changed chan struct{}
}

func newShelf(name string, now time.Time) *shelf {
	return &shelf{name: name, attributes: defaultAttributes(), created: now, modified: now, id: newID(), stored: map[uint64]*message{}}
}

// add stores a message, visible after delay.
func (q *shelf) add(m *message, now time.Time, delay time.Duration) {
	q.last++
	m.key, m.index = q.last, -1
	q.stored[m.key] = m
	if delay > 0 {
		m.isDelayed = true
		q.delayed++
		q.schedule(m, now.Add(delay))
		return
	}
	m.place = q.line.PushBack(m)
	q.wake()
}

// advance puts into the line what is due at now.
func (q *shelf) advance(now time.Time) {
	for len(q.timed) > 0 && !q.timed[0].deadline.After(now) {
		m := q.timed[0]
		q.unschedule(m)
		m.place = q.line.PushBack(m)
		q.wake()
	}
}

// take removes messages from the line: up to limit to be delivered, and those met on the way that have been received
// maxReceives times (0: no such limit) and belong to the dead-letter queue. It drops those past their retention. pick
// chooses one of the n oldest; 0 is the oldest.
func (q *shelf) take(now time.Time, limit, maxReceives int, pick func(n int) int) (deliver, dead []*message) {
	for len(deliver) < limit && q.line.Len() > 0 {
		place := q.line.Front()
		for range pick(min(q.line.Len(), scatterWindow)) {
			place = place.Next()
		}
		m := messageAt(place)
		q.line.Remove(place)
		m.place = nil
		switch {
		case now.Sub(m.arrived) > q.settings.retention:
			q.remove(m)
		case maxReceives > 0 && m.receives >= maxReceives:
			dead = append(dead, m)
		default:
			deliver = append(deliver, m)
		}
	}
	return deliver, dead
}

// scatterWindow is how far from the front a scattered receive looks: enough disorder, and a bound on its cost.
const scatterWindow = 64

// hide counts a receive of m, which take returned or which is hidden already, and hides it.
func (q *shelf) hide(m *message, now time.Time, visibility time.Duration) {
	m.receives++
	m.received = now
	if m.receives == 1 {
		m.firstReceived = now
	}
	q.tally.delivered(m)
	q.show(m, now, visibility)
}

// show makes m visible after visibility from now, at once for 0.
func (q *shelf) show(m *message, now time.Time, visibility time.Duration) {
	if visibility > 0 {
		q.schedule(m, now.Add(visibility))
		return
	}
	if m.index >= 0 {
		q.unschedule(m)
	}
	m.place = q.line.PushBack(m)
	q.wake()
}

// remove forgets m wherever it is.
func (q *shelf) remove(m *message) {
	if m.index >= 0 {
		q.unschedule(m)
	}
	if m.place != nil {
		q.line.Remove(m.place)
		m.place = nil
	}
	delete(q.stored, m.key)
}

func (q *shelf) clear() {
	q.line.Init()
	q.timed, q.delayed, q.stored = nil, 0, map[uint64]*message{}
}

func (q *shelf) counts() (visible, hidden, delayed int) {
	return q.line.Len(), len(q.timed) - q.delayed, q.delayed
}

// schedule sets m's deadline. Waiting receivers sleep until the earliest one, so an earlier one wakes them.
func (q *shelf) schedule(m *message, deadline time.Time) {
	m.deadline = deadline
	if m.index >= 0 {
		heap.Fix(&q.timed, m.index)
	} else {
		heap.Push(&q.timed, m)
	}
	if m.index == 0 {
		q.wake()
	}
}

func (q *shelf) unschedule(m *message) {
	heap.Remove(&q.timed, m.index)
	if m.isDelayed {
		m.isDelayed = false
		q.delayed--
	}
}

// wait returns a channel that is closed when the shelf has changed for a receiver.
func (q *shelf) wait() <-chan struct{} {
	if q.changed == nil {
		q.changed = make(chan struct{})
	}
	return q.changed
}

func (q *shelf) wake() {
	if q.changed != nil {
		close(q.changed)
		q.changed = nil
	}
}

func messageAt(place *list.Element) *message {
	m, _ := place.Value.(*message)
	return m
}

// deadlines is a heap of messages, the earliest deadline first and the older message first among equals.
type deadlines []*message //nolint:recvcheck // the shape of container/heap: Push and Pop change the slice itself

func (d deadlines) Len() int { return len(d) }

func (d deadlines) Less(i, j int) bool {
	if c := d[i].deadline.Compare(d[j].deadline); c != 0 {
		return c < 0
	}
	return d[i].key < d[j].key
}

func (d deadlines) Swap(i, j int) {
	d[i], d[j] = d[j], d[i]
	d[i].index, d[j].index = i, j
}

// Push implements heap.Interface.
func (d *deadlines) Push(x any) {
	m, _ := x.(*message)
	m.index = len(*d)
	*d = append(*d, m)
}

// Pop implements heap.Interface.
func (d *deadlines) Pop() any {
	old := *d
	m := old[len(old)-1]
	old[len(old)-1] = nil
	*d = old[:len(old)-1]
	m.index = -1
	return m
}
