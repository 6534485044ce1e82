package fetcher

import (
	"slices"
	"time"
)

// This file is what the queue's answers to batch calls mean for the in-flight table. An error of the whole call proves
// nothing about any entry, and so counts as a failure of each that may pass.

// DeletesAnswered takes the answer to a delete of what TakeDeletes returned.
func (t *Table) DeletesAnswered(now time.Time, entries []*Entry, used []Receipt, failed []Failure, err error) (deleted, givenUp int) {
	for i, e := range entries {
		ok, final := outcome(i, failed, err)
		switch {
		case !ok && t.DeleteFailed(now, e, used[i], final):
			givenUp++
		case ok && t.Deleted(e, used[i]):
			deleted++
		}
	}
	return deleted, givenUp
}

// LettersAnswered takes the answer to the sending of copies of what TakeLetters returned.
func (t *Table) LettersAnswered(now time.Time, entries []*Entry, failed []Failure, err error) (lettered int) {
	for i, e := range entries {
		if ok, _ := outcome(i, failed, err); !ok {
			t.LetterFailed(now, e)
			continue
		}
		lettered++
		t.Lettered(e)
	}
	return lettered
}

// ExtensionsAnswered takes the answer to an extension of what DueExtensions returned, until deadline.
func (t *Table) ExtensionsAnswered(deadline time.Time, entries []*Entry, used []Receipt, failed []Failure, err error) (extended, givenUp int) {
	for i, e := range entries {
		ok, final := outcome(i, failed, err)
		if ok {
			extended++
			t.Extended(e, used[i], deadline)
		} else if t.ExtendFailed(e, used[i], final) {
			givenUp++
		}
	}
	return extended, givenUp
}

// outcome finds what became of one entry of a call.
func outcome(index int, failed []Failure, err error) (ok, final bool) {
	if err != nil {
		return false, false
	}
	i := slices.IndexFunc(failed, func(f Failure) bool { return f.Index == index })
	if i < 0 {
		return true, false
	}
	return false, failed[i].final()
}
