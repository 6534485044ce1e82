// Package ledger holds what was sent against what arrived: it counts rows by SQL and dead letters by reading their
// queue, from outside, so that it can find a message lost that every stage believes settled. It promises to count each
// message once, however many copies of it there are. It never trusts a counter where it can look, and never prints a
// value.
package ledger

import (
	"fmt"

	"github.com/maskline/maskline/services/fetcher"
)

// Account is the result, in the form that `demo --json` prints.
type Account struct {
	// Sent counts the messages that the queue has taken.
	Sent int `json:"sent"`
	// Received counts the distinct MessageIds that the fetcher has seen.
	Received int `json:"received"`
	// Committed, Duplicate, Skipped and Rejected are the fetcher's counts of verdicts.
	Committed int `json:"committed"`
	Duplicate int `json:"duplicate"`
	Skipped   int `json:"skipped"`
	Rejected  int `json:"rejected"`
	// RowsInTable is a SELECT count(*).
	RowsInTable int `json:"rows_in_table"`
	// DeadLettered counts the distinct messages in the dead-letter queue.
	DeadLettered int `json:"dead_lettered"`
	// Lost counts messages that were sent, are in neither place, and were not skipped.
	Lost int `json:"lost"`
	// Seconds is the whole run, from its start to the reading of the table.
	Seconds float64 `json:"seconds"`
}

// Err says what does not add up; nil if all does.
func (a Account) Err() error {
	switch {
	case a.Lost != 0:
		return fmt.Errorf("%d of %d messages are lost: neither in the table nor in the dead-letter queue", a.Lost, a.Sent)
	case a.RowsInTable != a.Committed:
		return fmt.Errorf("%d rows are in the table, and %d were said to be committed", a.RowsInTable, a.Committed)
	}
	return nil
}

// Key is what a MessageId and its event id have in common: all of the event id but the time in front, which the
// producer does not know. 74 bits of a hash.
type Key [10]byte

// KeyOfMessage is the key of a MessageId.
func KeyOfMessage(id string) Key {
	event := fetcher.Origin{ID: id}.EventID()
	return KeyOfEvent(event)
}

// KeyOfEvent is the key of an event id.
func KeyOfEvent(id [16]byte) Key { return Key(id[6:]) }

// Book is what was sent, by key.
type Book struct {
	ids  map[Key]string
	left map[Key]struct{}
}

// NewBook opens the book with the MessageIds that were sent. Empty ids, of messages never sent, are passed over.
func NewBook(sent []string) *Book {
	b := &Book{ids: make(map[Key]string, len(sent)), left: make(map[Key]struct{}, len(sent))}
	for _, id := range sent {
		if id != "" {
			b.ids[KeyOfMessage(id)] = id
			b.left[KeyOfMessage(id)] = struct{}{}
		}
	}
	return b
}

// Sent is how many messages the book was opened with.
func (b *Book) Sent() int { return len(b.ids) }

// MessageID finds the MessageId of an event, if it is one that was sent.
func (b *Book) MessageID(event [16]byte) (id string, ok bool) {
	id, ok = b.ids[KeyOfEvent(event)]
	return id, ok
}

// Row notes that an event is in the table.
func (b *Book) Row(event [16]byte) { delete(b.left, KeyOfEvent(event)) }

// Letter notes that a message, by its origin's id, is in the dead-letter queue.
func (b *Book) Letter(id string) { delete(b.left, KeyOfMessage(id)) }

// Lost is how many messages are neither in the table nor in the dead-letter queue, less those that the mapping skipped:
// they are meant to be in neither.
func (b *Book) Lost(skipped int) int { return max(0, len(b.left)-skipped) }
