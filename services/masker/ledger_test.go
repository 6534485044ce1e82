package masker

import (
	"bytes"
	"slices"
	"testing"

	relayv1 "github.com/maskline/maskline/proto/gen/maskline/relay/v1"
)

// answers records what a fetcher would hear.
type answers struct {
	settled []*relayv1.Settlement
	resent  []uint64
}

func (a *answers) Settle(s *relayv1.Settlement) { a.settled = append(a.settled, s) }
func (a *answers) Resend(batch uint64)          { a.resent = append(a.resent, batch) }

func verdicts(batch uint64, v ...relayv1.Verdict) *relayv1.Settlement {
	raw := make([]byte, len(v))
	for i := range v {
		raw[i] = byte(v[i])
	}
	return &relayv1.Settlement{BatchId: batch, RecordCount: uint32(len(v)), Outcome: &relayv1.Settlement_Verdicts{Verdicts: raw}}
}

func allCommitted(batch uint64, n uint32) *relayv1.Settlement {
	return &relayv1.Settlement{BatchId: batch, RecordCount: n, Outcome: &relayv1.Settlement_AllCommitted{AllCommitted: &relayv1.AllCommitted{}}}
}

func TestLedger_VerdictsOfPartsLandAtTheirRecords(t *testing.T) {
	t.Parallel()
	heard := &answers{}
	l, p := NewLedger(), NewPending(7, 6, heard)
	p.Reject(1, "missing", "user_id", "masker")
	p.Skip(3)
	l.Expect(1, p, []uint32{0, 2})
	l.Expect(2, p, []uint32{4, 5})
	l.Complete(p)
	second := verdicts(2, relayv1.Verdict_VERDICT_DUPLICATE, relayv1.Verdict_VERDICT_REJECTED)
	second.Rejections = []*relayv1.Rejection{{Index: 1, Reason: "too_long", Column: "locale", Stage: "writer"}}
	if _, err := l.Settle(second); err != nil || len(heard.settled) != 0 {
		t.Fatalf("after one of two parts: %v, %v", heard, err)
	}
	if _, err := l.Settle(allCommitted(1, 2)); err != nil || len(heard.settled) != 1 || len(heard.resent) != 0 {
		t.Fatalf("after both parts: %v, %v", heard, err)
	}
	s := heard.settled[0]
	if want := []byte{1, 4, 1, 3, 2, 4}; !bytes.Equal(s.GetVerdicts(), want) || s.GetRecordCount() != 6 || s.GetBatchId() != 7 {
		t.Errorf("settlement %v, want verdicts %v", s, want)
	}
	if len(s.GetRejections()) != 2 || s.GetRejections()[0].GetIndex() != 1 || s.GetRejections()[1].GetIndex() != 5 {
		t.Errorf("rejections %v", s.GetRejections())
	}
}

func TestLedger_AllCommittedIsSaidInOneWord(t *testing.T) {
	t.Parallel()
	heard := &answers{}
	l, p := NewLedger(), NewPending(7, 2, heard)
	l.Expect(1, p, []uint32{0, 1})
	l.Complete(p)
	if _, err := l.Settle(allCommitted(1, 2)); err != nil || len(heard.settled) != 1 {
		t.Fatal(heard, err)
	}
	if s := heard.settled[0]; s.GetAllCommitted() == nil || s.GetRecordCount() != 2 {
		t.Errorf("settlement %v", s)
	}
}

func TestLedger_ASettlementThatDoesNotFitSettlesNothing(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]*relayv1.Settlement{
		"fewer": verdicts(1, 1), "more": verdicts(1, 1, 1, 1), "wrong count": allCommitted(1, 3), "no outcome": {BatchId: 1, RecordCount: 2},
	} {
		heard := &answers{}
		l, p := NewLedger(), NewPending(7, 2, heard)
		l.Expect(1, p, []uint32{0, 1})
		l.Complete(p)
		if back, err := l.Settle(s); err == nil || back != 2 || len(heard.settled) != 0 || !slices.Equal(heard.resent, []uint64{7}) {
			t.Errorf("%s: %d records handed back, %v, %v", name, back, err, heard)
		}
	}
}

func TestLedger_LatePartsOfABatchThatWasHandedBackAreUnknown(t *testing.T) {
	t.Parallel()
	heard := &answers{}
	l, p := NewLedger(), NewPending(7, 2, heard)
	l.Expect(1, p, []uint32{0})
	l.Expect(2, p, []uint32{1})
	if back := l.Return([]uint64{2, 3}); back != 2 || !p.Dead() {
		t.Fatalf("%d records handed back", back)
	}
	if back, err := l.Settle(allCommitted(1, 1)); err == nil || back != 0 {
		t.Errorf("late part: %d records handed back, %v", back, err)
	}
	if l.Expect(3, p, []uint32{0}); len(l.parts) != 0 {
		t.Error("a part of a batch that was handed back is kept")
	}
	l.Complete(p)
	if back := l.HandBack(p) + l.Return([]uint64{1}); back != 0 || len(heard.settled) != 0 || !slices.Equal(heard.resent, []uint64{7}) {
		t.Errorf("%d records handed back again, answers %v: a batch is answered once", back, heard)
	}
}

func TestPending_ARecordWithoutAVerdictIsNeverCommitted(t *testing.T) {
	t.Parallel()
	heard := &answers{}
	l, p := NewLedger(), NewPending(7, 2, heard)
	l.Expect(1, p, []uint32{0, 1})
	l.Complete(p)
	if _, err := l.Settle(verdicts(1, relayv1.Verdict_VERDICT_COMMITTED, relayv1.Verdict_VERDICT_UNSPECIFIED)); err != nil || len(heard.settled) != 1 {
		t.Fatal(heard, err)
	}
	if s := heard.settled[0]; s.GetAllCommitted() != nil || !bytes.Equal(s.GetVerdicts(), []byte{1, 0}) {
		t.Errorf("settlement %v", s)
	}
}
