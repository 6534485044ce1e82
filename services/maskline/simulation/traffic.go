package simulation

import (
	"strconv"

	"github.com/maskline/maskline/services/fetcher"
)

// fate is what must become of a message: it is known from the beginning, which is what makes the end checkable.
type fate int

const (
	good       fate = iota // a row
	unwanted               // skipped by the mapping
	unmaskable             // rejected by the masker
	unwritable             // rejected by the database
	mistaken               // rejected by the masker until the mapping is mended, then a row
)

var fateNames = [...]string{"good", "unwanted", "unmaskable", "unwritable", "mistaken"}

// body is the content of a message, and what is known of all messages that carry it.
type body struct {
	number int
	fate   fate
	text   []byte
	// sqlstate is what the database answers to an unwritable row.
	sqlstate string
	// origins are the identities that there are: the first message's, and that of each message to which SQS's own redrive
	// gave a new id before there was an attribute to keep the first.
	origins  []string
	lettered bool // a copy with a reason has been in the dead-letter queue
	rows     int
}

// rejection is the reason and the column that the dead-letter copy must tell.
func (b *body) rejection() (reason, column string) {
	switch {
	case b.fate == good || b.fate == unwanted:
		return "none", ""
	case b.fate == mistaken:
		return "missing", "user_id"
	case b.fate == unmaskable:
		return "wrong_type", "c" + strconv.Itoa(b.number%3)
	case b.sqlstate[:2] == "22":
		return "database_value", ""
	}
	return "database_constraint", ""
}

// refusedByMasker tells why the mapping rejects it, or nothing.
func (b *body) refusedByMasker(mended bool) (reason, column string) {
	if b.fate == unmaskable || b.fate == mistaken && !mended {
		return b.rejection()
	}
	return "", ""
}

// bodyMost is the queue's MaximumMessageSize.
const bodyMost = 256

// produce sends every message of the seed, some of them late.
func (w *World) produce() {
	for i := range w.setup.messages {
		b := &body{number: i}
		switch n := w.random.IntN(20); {
		case n == 0:
			b.fate = unwanted
		case n == 1:
			b.fate = unmaskable
		case n == 2:
			b.fate, b.sqlstate = unwritable, [...]string{"22P02", "22001", "23514", "23505"}[w.random.IntN(4)]
		case n < 12 && w.setup.brake > 0:
			b.fate = mistaken
		}
		b.text = append(make([]byte, 0, bodyMost), strconv.Itoa(i)...)
		size := w.random.IntN(bodyMost)
		if w.random.IntN(4) == 0 {
			size = bodyMost
		}
		for len(b.text) < size {
			b.text = append(b.text, ' ')
		}
		w.bodies = append(w.bodies, b)
		w.after(w.between(0, w.setup.faultsEnd/2), func() {
			m := w.queue.add(b, nil)
			w.note("producer", "sends %s: message %d, %s", m.id, b.number, fateNames[b.fate])
		})
	}
	if w.setup.brake > 0 {
		w.counts[brokenMapping]++
		w.after(w.between(0, w.setup.faultsEnd), w.mend)
	}
}

// mend corrects the mapping.
func (w *World) mend() {
	if !w.mended {
		w.mended = true
		w.note("operator", "mends the mapping")
	}
}

// bodyOf finds the body that a message carries.
func (w *World) bodyOf(text []byte) *body {
	n := 0
	for _, c := range text {
		if c < '0' || c > '9' {
			break
		}
		n = n*10 + int(c-'0')
	}
	return w.bodies[n]
}

func attribute(all []fetcher.Attribute, name string) string {
	for _, a := range all {
		if a.Name == name {
			return a.String
		}
	}
	return ""
}
