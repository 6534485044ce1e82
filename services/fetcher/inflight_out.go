package fetcher

import (
	"cmp"
	"slices"
	"time"
)

// This file is the way out of the in-flight table: deletes, dead letters, visibility, release.

const (
	firstPause = 100 * time.Millisecond
	mostPause  = time.Second
)

// Tick brings back what had to wait until now.
func (t *Table) Tick(now time.Time) {
	t.later = slices.DeleteFunc(t.later, func(e *Entry) bool {
		if e.stage == overThere {
			return true
		}
		if now.Before(e.notBefore) {
			return false
		}
		e.notBefore = time.Time{}
		t.enter(e, e.stage)
		return true
	})
}

// TakeDeletes returns up to limit entries whose delete is due; each must come back by Deleted or DeleteFailed. The
// receipts are the newest at this moment.
func (t *Table) TakeDeletes(limit int) ([]*Entry, []Receipt) { return t.take(finished, limit) }

// TakeLetters returns up to limit entries that are due for the dead-letter queue; each must come back by Lettered,
// LetterFailed or Drop.
func (t *Table) TakeLetters(limit int) ([]*Entry, []Receipt) { return t.take(letter, limit) }

func (t *Table) take(s stage, limit int) ([]*Entry, []Receipt) {
	var entries []*Entry
	var receipts []Receipt
	for len(entries) < limit {
		t.compact(s)
		if len(t.queues[s]) == 0 {
			break
		}
		e := t.queues[s][0]
		t.queues[s] = t.queues[s][1:]
		entries = append(entries, e)
		receipts = append(receipts, e.receipt())
	}
	return entries, receipts
}

func (e *Entry) receipt() Receipt { return Receipt{ID: e.Message.ID, Handle: e.Message.Receipt} }

// Deleted says that the queue answered success for this receipt handle. With a newer handle about, that success may
// mean nothing: a delete with a stale handle does nothing and says so to nobody. Then the delete is due again.
func (t *Table) Deleted(e *Entry, used Receipt) (gone bool) {
	if e.Message.Receipt != used.Handle {
		t.enter(e, finished)
		return false
	}
	t.drop(e, CauseDeleted)
	return true
}

// DeleteFailed keeps the entry, and its credit, for another try; final says that this handle can never succeed. Then
// only a newer handle helps, and without one the entry is given up: the message comes back and is found a duplicate.
func (t *Table) DeleteFailed(now time.Time, e *Entry, used Receipt, final bool) (givenUp bool) {
	if final && e.Message.Receipt == used.Handle {
		t.drop(e, CauseGivenUp)
		return true
	}
	t.pause(e, finished, now.Add(firstPause))
	return false
}

// Lettered says that the copy is in the dead-letter queue: now the message may be deleted.
func (t *Table) Lettered(e *Entry) { t.enter(e, finished) }

// LetterFailed keeps the entry for another try.
func (t *Table) LetterFailed(now time.Time, e *Entry) { t.pause(e, letter, now.Add(mostPause)) }

// Drop lets an entry go back to the queue by itself, when its visibility timeout ends.
func (t *Table) Drop(e *Entry) { t.drop(e, CauseLeft) }

// DueExtensions returns up to limit entries whose visibility is half over, the most urgent first; each must come back by
// Extended or ExtendFailed.
func (t *Table) DueExtensions(now time.Time, limit int) ([]*Entry, []Receipt) {
	var entries []*Entry
	for _, e := range t.entries {
		if e.extending || e.lapsed || e.deadline.Sub(now) > t.visibility/2 {
			continue
		}
		entries = append(entries, e)
	}
	slices.SortFunc(entries, byDeadline)
	entries = entries[:min(limit, len(entries))]
	receipts := make([]Receipt, len(entries))
	for i, e := range entries {
		e.extending = true
		receipts[i] = e.receipt()
	}
	return entries, receipts
}

// Extended says that the message stays hidden until deadline.
func (t *Table) Extended(e *Entry, used Receipt, deadline time.Time) {
	e.extending = false
	if e.Message.Receipt == used.Handle {
		e.deadline = deadline
	}
}

// ExtendFailed says that it could not be extended; final that it never can with this handle. An entry that nobody
// downstream has seen is then given up, for the queue shows it to others; one that was sent awaits its verdict.
func (t *Table) ExtendFailed(e *Entry, used Receipt, final bool) (givenUp bool) {
	e.extending = false
	if !final || e.Message.Receipt != used.Handle {
		return false
	}
	e.lapsed = true
	if e.stage == held && !e.forwarded {
		t.drop(e, CauseGivenUp)
		return true
	}
	return false
}

// Release takes out everything that need not be finished when the fetcher stops: messages never sent downstream, and
// those parked behind the brake. They are to be given back to the queue at once.
func (t *Table) Release() []Receipt {
	var entries []*Entry
	for _, e := range t.entries {
		if e.stage == held && !e.forwarded || e.stage == parked {
			entries = append(entries, e)
		}
	}
	t.queues[parked] = nil // else a commit to come would send them downstream
	slices.SortFunc(entries, byDeadline)
	var receipts []Receipt
	for _, e := range entries {
		receipts = append(receipts, e.receipt())
		t.drop(e, CauseReleased)
	}
	return receipts
}

// byDeadline is a total order, so that the order of a map never shows and a run can be repeated.
func byDeadline(a, b *Entry) int {
	return cmp.Or(a.deadline.Compare(b.deadline), cmp.Compare(a.Message.ID, b.Message.ID))
}

// Held is how many wait to be sent downstream.
func (t *Table) Held() int { return len(t.queues[held]) - t.heldGone }

// InFlight is how many messages are in the table, and their bytes with the reservations.
func (t *Table) InFlight() (records int, bytes int64) { return len(t.entries), t.usedBytes }

// Oldest is the earliest sent time in the table, in milliseconds, or 0.
func (t *Table) Oldest() int64 {
	var oldest int64
	for _, e := range t.entries {
		if oldest == 0 || e.Origin.SentMS < oldest {
			oldest = e.Origin.SentMS
		}
	}
	return oldest
}
