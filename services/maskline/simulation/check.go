package simulation

import (
	"slices"

	relayv1 "github.com/maskline/maskline/proto/gen/maskline/relay/v1"
	"github.com/maskline/maskline/services/fetcher"
)

// This file is what is checked at every step.

// checkDelete: a message leaves the queue only if its row is in the table, or it is not wanted, or a copy of it has been
// in the dead-letter queue.
func (w *World) checkDelete(m *message, by string) {
	b := m.body
	switch {
	case b.fate == unwanted, b.rows > 0, b.fate != good && b.lettered:
		return
	}
	w.broken("%s deletes %s, message %d, %s: it is neither in the table nor in the dead-letter queue", by, m.id, b.number, fateNames[b.fate])
}

// checkRow: an event has one row, and none if it must not have one. SQS's own redrive of a message without an origin
// makes a new event of it, which is told apart by its origin.
func (w *World) checkRow(id eventID) {
	b := w.bodies[w.byEvent[id]]
	b.rows++
	if b.rows > len(b.origins) {
		w.broken("message %d has %d rows and %d origins %v", b.number, b.rows, len(b.origins), b.origins)
	}
	if b.fate != good && b.fate != mistaken {
		w.broken("message %d is in the table, though it is %s", b.number, fateNames[b.fate])
	}
}

// checkLetter: only what is bad goes to the dead-letter queue, and tells whose copy it is and why it is there.
func (w *World) checkLetter(m *message) {
	b := m.body
	if b.fate == good || b.fate == unwanted {
		w.broken("message %d is in the dead-letter queue, though it is %s", b.number, fateNames[b.fate])
		return
	}
	if origin := attribute(m.attributes, fetcher.OriginAttribute); !slices.Contains(b.origins, origin) {
		w.broken("the letter of message %d has the origin %q, which is none of %v", b.number, origin, b.origins)
	}
	reason, column := reasonOf(m)
	if wantReason, wantColumn := b.rejection(); reason != wantReason || column != wantColumn {
		w.broken("the letter of message %d says %q %q, and was rejected for %q %q", b.number, reason, column, wantReason, wantColumn)
	}
}

// doubled is how many rows SQS's own redrive has made a second time.
func (w *World) doubled() (n int) {
	for _, b := range w.bodies {
		n += max(b.rows-1, 0)
	}
	return n
}

// witness remembers what one life of a fetcher has been told, to see whether the in-flight table acts on the newest of
// it. It decides nothing.
type witness struct {
	fetcher *fetcherProcess
	newest  map[string]fetcher.Message
	dead    map[string]bool // receipt handles that can never succeed again
	batches map[uint64][]*body
	// What the brake must have counted.
	reason, column string
	streak         int
}

func newWitness(p *fetcherProcess) witness {
	return witness{fetcher: p, newest: map[string]fetcher.Message{}, dead: map[string]bool{}, batches: map[uint64][]*body{}}
}

func (x *witness) broken(format string, args ...any) {
	x.fetcher.world.broken(x.fetcher.name+" "+format, args...)
}

func (x *witness) received(m fetcher.Message, fresh bool) {
	if fresh || m.ReceiveCount >= x.newest[m.ID].ReceiveCount {
		x.newest[m.ID] = m
	}
}

func (x *witness) sent(batch uint64, frame []*fetcher.Entry) {
	for _, e := range frame {
		x.batches[batch] = append(x.batches[batch], x.fetcher.world.bodyOf(e.Message.Body))
	}
}

func (x *witness) returned(batches []uint64) {
	for _, b := range batches {
		delete(x.batches, b)
	}
}

// using: nobody acts on an old receipt handle while a newer one is known, nor extends with one that is spent.
func (x *witness) using(receipts []fetcher.Receipt, what string) {
	for _, r := range receipts {
		if newest := x.newest[r.ID].Receipt; r.Handle != newest {
			x.broken("%s with %s, and knows %s", what, r.Handle, newest)
		}
		if what == "extends" && x.dead[r.Handle] {
			x.broken("extends %s again, which can never succeed", r.Handle)
		}
	}
}

func (x *witness) extended(used []fetcher.Receipt, failed []fetcher.Failure, err error) {
	for _, f := range failed {
		if err == nil && f.Code != "InternalError" {
			x.dead[used[f.Index].Handle] = true
		}
	}
}

// expectDeleted counts the entries that may be taken for deleted: not named as failed, and by the newest handle.
func (x *witness) expectDeleted(used []fetcher.Receipt, failed []fetcher.Failure, err error) (n int) {
	for i, r := range used {
		named := slices.ContainsFunc(failed, func(f fetcher.Failure) bool { return f.Index == i })
		if err == nil && !named && x.newest[r.ID].Receipt == r.Handle {
			n++
		}
	}
	return n
}

// settled: a settlement must be of a batch that is outstanding; it counts only if it fits, it never says that a row is
// in the table before it is; and the brake lets through as many rejections in a row as it may.
func (x *witness) settled(s *relayv1.Settlement, out fetcher.Settled, err error) {
	batch, known := x.batches[s.GetBatchId()]
	if !known {
		x.broken("hears a settlement of batch %d, which is not outstanding", s.GetBatchId())
		return
	}
	delete(x.batches, s.GetBatchId())
	all := s.GetAllCommitted() != nil
	if fits := int(s.GetRecordCount()) == len(batch) && (all || len(s.GetVerdicts()) == len(batch)); fits != (err == nil) {
		x.broken("takes a settlement of batch %d: %v, and it fits: %v", s.GetBatchId(), err, fits)
	}
	if err != nil {
		return
	}
	letters := 0
	for i, b := range batch {
		verdict := relayv1.Verdict_VERDICT_COMMITTED
		if !all {
			verdict = relayv1.Verdict(s.GetVerdicts()[i])
		}
		switch verdict {
		case relayv1.Verdict_VERDICT_COMMITTED, relayv1.Verdict_VERDICT_DUPLICATE:
			x.streak = 0
			if b.rows == 0 {
				x.broken("hears that message %d is committed, and it is not", b.number)
			}
		case relayv1.Verdict_VERDICT_REJECTED:
			if x.passes(b) {
				letters++
			}
		default:
		}
	}
	if letters != len(out.Rejected) {
		x.broken("sends %d of %d rejected messages to the dead-letter queue, and the brake lets %d through", len(out.Rejected), len(out.Rejected)+out.Parked, letters)
	}
}

// passes counts as the brake must.
func (x *witness) passes(b *body) bool {
	if limit := x.fetcher.world.setup.brake; limit > 0 && x.streak >= limit {
		return false
	}
	if reason, column := b.rejection(); reason != x.reason || column != x.column {
		x.reason, x.column, x.streak = reason, column, 0
	}
	x.streak++
	return true
}

// bounds: what is in flight never exceeds what was configured.
func (x *witness) bounds() {
	setup := x.fetcher.world.setup
	if records, bytes := x.fetcher.table.InFlight(); records > setup.inFlight || bytes > setup.inFlightSize || bytes < 0 {
		x.broken("holds %d messages of %d bytes, and may hold %d of %d", records, bytes, setup.inFlight, setup.inFlightSize)
	}
}
