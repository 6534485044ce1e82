package masker

import (
	"errors"

	relayv1 "github.com/maskline/maskline/proto/gen/maskline/relay/v1"
)

// Ledger remembers, for each batch of a fetcher, which verdicts are known and which part batches at the writers will
// bring the rest. It keeps positions only: no body, no row. It answers each batch once: with its verdicts when all are
// known, or by handing it back. It is a pure core, not safe for concurrent use.
type Ledger struct {
	parts map[uint64]part
}

// Pending is one batch of a fetcher.
type Pending struct {
	// Batch is the fetcher's number of it.
	Batch uint64

	verdicts   []byte
	rejections []*relayv1.Rejection
	open       map[uint64]struct{} // part batches not settled
	complete   bool                // no further part will be expected
	dead       bool
	reply      Replier
}

// Replier takes the answer to a batch: the session of the fetcher's stream.
type Replier interface {
	Settle(settlement *relayv1.Settlement)
	Resend(batch uint64)
}

type part struct {
	of        *Pending
	positions []uint32
}

// NewLedger returns an empty ledger.
func NewLedger() *Ledger { return &Ledger{parts: map[uint64]part{}} }

// NewPending begins a batch of so many records, none of which has a verdict. Its answer goes to reply.
func NewPending(batch uint64, records int, reply Replier) *Pending {
	return &Pending{Batch: batch, verdicts: make([]byte, records), open: map[uint64]struct{}{}, reply: reply}
}

// Skip notes that the mapping does not want a record.
func (p *Pending) Skip(position int) { p.verdicts[position] = byte(relayv1.Verdict_VERDICT_SKIPPED) }

// Reject notes that a record can never be written.
func (p *Pending) Reject(position int, reason, column, stage string) {
	p.verdicts[position] = byte(relayv1.Verdict_VERDICT_REJECTED)
	p.rejections = append(p.rejections, &relayv1.Rejection{
		Index: uint32(position), Reason: reason, Column: column, Stage: stage,
	})
}

// Dead says that the batch was handed back.
func (p *Pending) Dead() bool { return p.dead }

// settlement is the answer to the fetcher.
func (p *Pending) settlement() *relayv1.Settlement {
	s := &relayv1.Settlement{BatchId: p.Batch, RecordCount: uint32(len(p.verdicts)), Rejections: p.rejections}
	for _, v := range p.verdicts {
		if v != byte(relayv1.Verdict_VERDICT_COMMITTED) {
			s.Outcome = &relayv1.Settlement_Verdicts{Verdicts: p.verdicts}
			return s
		}
	}
	s.Outcome = &relayv1.Settlement_AllCommitted{AllCommitted: &relayv1.AllCommitted{}}
	return s
}

// Expect notes that a part batch with the records at these positions is on its way to a writer. Of a batch that was
// handed back it notes nothing: no part of it is sent any more, so nobody would ever take the note back.
func (l *Ledger) Expect(id uint64, p *Pending, positions []uint32) {
	if p.dead {
		return
	}
	p.open[id] = struct{}{}
	l.parts[id] = part{p, positions}
}

var (
	errUnknownPart   = errors.New("settlement of a batch that is not outstanding")
	errBadSettlement = errors.New("settlement whose record count or verdicts do not match the batch")
)

// Complete says that no further part of a batch will be expected, and answers it if every verdict is known already.
func (l *Ledger) Complete(p *Pending) {
	p.complete = true
	p.answer()
}

// answer settles a batch whose verdicts are all known.
func (p *Pending) answer() {
	if p.complete && len(p.open) == 0 && !p.dead {
		p.reply.Settle(p.settlement())
	}
}

// Settle enters a writer's verdicts. A settlement that does not fit settles nothing: the whole batch is handed back.
func (l *Ledger) Settle(s *relayv1.Settlement) (handedBack int, err error) {
	x, ok := l.parts[s.GetBatchId()]
	if !ok {
		return 0, errUnknownPart
	}
	verdicts, all := s.GetVerdicts(), s.GetAllCommitted() != nil
	if int(s.GetRecordCount()) != len(x.positions) || !all && len(verdicts) != len(x.positions) {
		return l.HandBack(x.of), errBadSettlement
	}
	delete(l.parts, s.GetBatchId())
	delete(x.of.open, s.GetBatchId())
	for i, position := range x.positions {
		verdict := byte(relayv1.Verdict_VERDICT_COMMITTED)
		if !all {
			verdict = verdicts[i]
		}
		x.of.verdicts[position] = verdict
	}
	for _, r := range s.GetRejections() {
		if int(r.GetIndex()) < len(x.positions) {
			r.Index = x.positions[r.GetIndex()]
			x.of.rejections = append(x.of.rejections, r)
		}
	}
	x.of.answer()
	return 0, nil
}

// Return takes parts back that came without verdicts: their stream broke. Each one's whole batch is handed back.
func (l *Ledger) Return(parts []uint64) (handedBack int) {
	for _, id := range parts {
		if x, ok := l.parts[id]; ok {
			handedBack += l.HandBack(x.of)
		}
	}
	return handedBack
}

// HandBack gives a batch back without verdicts, unless that was done before, and tells of how many records. Late
// settlements of its parts are unknown from now on.
func (l *Ledger) HandBack(p *Pending) (records int) {
	if p.dead {
		return 0
	}
	p.dead = true
	for id := range p.open {
		delete(l.parts, id)
	}
	clear(p.open)
	p.reply.Resend(p.Batch)
	return len(p.verdicts)
}
