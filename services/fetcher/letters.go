package fetcher

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/maskline/maskline/pkg/failpoint"
	"github.com/maskline/maskline/pkg/telemetry"
	relayv1 "github.com/maskline/maskline/proto/gen/maskline/relay/v1"
)

// maxAttributes is the most message attributes that SQS takes.
const maxAttributes = 10

// Reject is the JSON of the RejectAttribute. It names places, never values.
type Reject struct {
	Reason     string `json:"reason"`
	Column     string `json:"column,omitempty"`
	SQLState   string `json:"sqlstate,omitempty"`
	Constraint string `json:"constraint,omitempty"`
	Stage      string `json:"stage"`
}

// Letter is the copy of a rejected message for the dead-letter queue: the original body and attributes, the origin,
// and the reason. Where there is no room for the reason it is left out; ok is false where there is none for the origin
// either, without which a copy would be a new message.
func (e *Entry) Letter(maxBytes int64) (l Letter, ok bool) {
	l = Letter{Body: e.Message.Body, GroupID: e.Message.GroupID}
	for _, a := range e.Message.Attributes {
		if a.Name != OriginAttribute && a.Name != RejectAttribute {
			l.Attributes = append(l.Attributes, a)
		}
	}
	l.Attributes = append(l.Attributes, Attribute{Name: OriginAttribute, Type: "String", String: e.Origin.Attribute()})
	if len(l.Attributes) > maxAttributes || int64(l.size()) > maxBytes {
		return Letter{}, false
	}
	full := l
	full.Attributes = slices.Concat(l.Attributes, []Attribute{{Name: RejectAttribute, Type: "String", String: rejectJSON(e.Rejection)}})
	if len(full.Attributes) > maxAttributes || int64(full.size()) > maxBytes {
		return l, true
	}
	return full, true
}

func rejectJSON(r *relayv1.Rejection) string {
	text, err := json.Marshal(Reject{
		Reason: r.GetReason(), Column: r.GetColumn(), SQLState: r.GetSqlstate(), Constraint: r.GetConstraint(), Stage: r.GetStage(),
	})
	if err != nil { // strings only
		return "{}"
	}
	return string(text)
}

// sendLetters deals with rejected messages as MASKLINE_ON_REJECT says, and has them deleted afterwards.
func (f *Fetcher) sendLetters(ctx context.Context) {
	for {
		f.mu.Lock()
		entries, receipts := f.table.TakeLetters(batchMost)
		for len(entries) == 0 && !f.stopped {
			f.letters.Wait()
			entries, receipts = f.table.TakeLetters(batchMost)
		}
		f.mu.Unlock()
		if len(entries) == 0 {
			return
		}
		switch f.cfg.OnReject {
		case OnRejectDiscard:
			f.counters.Add(telemetry.CounterDiscarded, uint64(len(entries)))
			f.lettered(entries)
		case OnRejectRedrivePolicy:
			f.giveBack(ctx, entries, receipts)
		default:
			f.deadLetter(ctx, entries, receipts)
		}
	}
}

// deadLetter sends copies. One call's bodies and attributes together must fit into one message's limit.
func (f *Fetcher) deadLetter(ctx context.Context, entries []*Entry, receipts []Receipt) {
	var call []Letter
	var of []*Entry
	var size int64
	var roomless []*Entry
	var roomlessReceipts []Receipt
	flush := func() {
		if len(call) > 0 {
			f.sendCall(ctx, of, call, receiptsOf(of))
		}
		call, of, size = nil, nil, 0
	}
	for i, e := range entries {
		l, ok := e.Letter(f.source.DeadLetterMaxSize)
		if !ok {
			roomless, roomlessReceipts = append(roomless, e), append(roomlessReceipts, receipts[i])
			continue
		}
		if n := int64(l.size()); size+n > f.source.DeadLetterMaxSize {
			flush()
		}
		call, of, size = append(call, l), append(of, e), size+int64(l.size())
	}
	flush()
	if len(roomless) > 0 {
		f.log.ErrorContext(ctx, "no room for the origin on the dead-letter copy: left to the queue's redrive policy", telemetry.KeyMessages, len(roomless), telemetry.KeyMessageID, roomless[0].Message.ID)
		f.giveBack(ctx, roomless, roomlessReceipts)
	}
}

func receiptsOf(entries []*Entry) []Receipt {
	receipts := make([]Receipt, len(entries))
	for i, e := range entries {
		receipts[i] = e.receipt()
	}
	return receipts
}

func (f *Fetcher) sendCall(ctx context.Context, entries []*Entry, call []Letter, receipts []Receipt) {
	failed, err := f.queue.DeadLetter(ctx, f.source.DeadLetterURL, call)
	switch {
	case denied(err):
		f.troubles.clear("dead-letter queue")
		f.troubles.say(ctx, "dead-letter queue denied", err.Error()+"; rejected messages are left to the queue's redrive policy")
		f.giveBack(ctx, entries, receipts)
		return
	case err != nil:
		f.troubles.set(ctx, "dead-letter queue", err.Error())
	case len(failed) > 0:
		f.troubles.set(ctx, "dead-letter queue", fmt.Sprintf("dead-letter queue: %d of %d messages not taken: %s", len(failed), len(call), failed[0].Code))
	default:
		f.troubles.clear("dead-letter queue")
	}
	if err == nil && len(failed) < len(entries) {
		failpoint.Hit(failpoint.FetcherAfterLetter, func() string { return copied(entries, failed) })
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.counters.Add(telemetry.CounterDeadLettered, uint64(f.table.LettersAnswered(time.Now(), entries, failed, err)))
	f.wakeAll()
}

func (f *Fetcher) lettered(entries []*Entry) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range entries {
		f.table.Lettered(e)
	}
	f.wakeAll()
}

// giveBack leaves rejected messages to the queue: SQS counts the receives and dead-letters them itself in the end.
// Without a redrive policy they come back only when their visibility timeout ends, or it would be a hot loop.
func (f *Fetcher) giveBack(ctx context.Context, entries []*Entry, receipts []Receipt) {
	if f.source.MaxReceiveCount > 0 {
		if _, err := f.queue.Extend(ctx, receipts, 0); err != nil {
			f.troubles.say(ctx, "give back", err.Error())
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range entries {
		f.table.Drop(e)
	}
	f.counters.Add(telemetry.CounterReleased, uint64(len(entries)))
	f.wakeAll()
}
