package ledger

import (
	"errors"
	"fmt"
	"strings"

	"github.com/maskline/maskline/services/maskline/traffic"
)

// ErrPending says that nothing is wrong so far, and that messages have not arrived yet.
var ErrPending = errors.New("still on the way")

// List counts messages and names some of them, by id and never by value.
type List struct {
	Count int      `json:"count"`
	IDs   []string `json:"ids,omitempty"`
}

func (l *List) add(most int, id string) {
	if l.Count++; len(l.IDs) < most {
		l.IDs = append(l.IDs, id)
	}
}

// Findings is what became of every message of a ledger, seen from outside.
type Findings struct {
	// Sent counts the messages of the ledger. Each of them is in at least one of the counts and lists below.
	Sent int `json:"sent"`
	// InTable and DeadLettered count the messages of the ledger that are there, however many copies there are.
	InTable      int `json:"in_table"`
	DeadLettered int `json:"dead_lettered"`
	// Skipped counts those that are rightly in neither.
	Skipped int `json:"skipped"`
	// InSource is the depth of the source queue at the end. Whose messages they are cannot be seen without receiving.
	InSource int           `json:"in_source"`
	Source   traffic.Depth `json:"source"`
	// Rows and Letters count all that was read, of strangers too. LettersUnread could not be read: others hide them.
	Rows          int `json:"rows"`
	Letters       int `json:"letters"`
	LettersUnread int `json:"letters_unread"`
	// LetterCopies counts the letters beyond the first of each message. They are allowed.
	LetterCopies int `json:"letter_copies"`
	// Others counts rows and letters of nobody in the ledger, where that is allowed.
	Others int `json:"others"`

	// Pending messages are neither in the table nor in the dead-letter queue, and there are places left where they may be.
	Pending List `json:"pending"`
	// Lost messages are nowhere.
	Lost List `json:"lost"`
	// Doubled messages have more than one row.
	Doubled List `json:"doubled"`
	// Wrong rows differ from what was expected: the id and the names of the columns.
	Wrong List `json:"wrong"`
	// GoodDeadLettered messages should have become a row, or nothing, and are in the dead-letter queue.
	GoodDeadLettered List `json:"good_dead_lettered"`
	// BadInTable messages should not have become a row.
	BadInTable List `json:"bad_in_table"`
	// WrongReason letters tell another reason or column than expected: the id and what they tell.
	WrongReason List `json:"wrong_reason"`
	// Unexplained letters tell no reason: the queue's redrive policy has moved them, or there was no room.
	Unexplained List `json:"unexplained"`
	// Strangers are rows and letters of nobody in the ledger: their event id or origin id.
	Strangers List `json:"strangers"`
}

// Err names what does not add up, ErrPending if that is all, or nil.
func (f Findings) Err() error {
	var faults []string
	for _, fault := range []struct {
		list List
		what string
	}{
		{f.Lost, "lost"},
		{f.Doubled, "doubled"},
		{f.Wrong, "with another row than expected"},
		{f.GoodDeadLettered, "dead-lettered though good"},
		{f.BadInTable, "in the table though bad"},
		{f.WrongReason, "dead-lettered with another reason than expected"},
		{f.Unexplained, "dead-lettered without a reason"},
		{f.Strangers, "rows or letters that nobody sent"},
	} {
		if fault.list.Count > 0 {
			faults = append(faults, fmt.Sprintf("%d %s (%s)", fault.list.Count, fault.what, fault.list.some()))
		}
	}
	switch {
	case len(faults) > 0:
		return fmt.Errorf("of %d messages: %s", f.Sent, strings.Join(faults, "; "))
	case f.Pending.Count > 0:
		return fmt.Errorf("%d of %d messages are %w", f.Pending.Count, f.Sent, ErrPending)
	}
	return nil
}

// some names a few, for a line of text.
func (l *List) some() string {
	const few = 3
	if len(l.IDs) > few || l.Count > len(l.IDs) {
		return strings.Join(l.IDs[:min(few, len(l.IDs))], ", ") + ", …"
	}
	return strings.Join(l.IDs, ", ")
}
