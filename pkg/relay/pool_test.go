package relay

import (
	"errors"
	"slices"
	"testing"
)

func window() Load { return Load{Records: 100, Bytes: 1000} }

func TestPool_GrantsWholeWindowsUpToTheLimit(t *testing.T) {
	t.Parallel()
	p := NewPool(window(), 2500)
	for stream, want := range map[uint64]int{1: 1} {
		if got := p.Join(stream); len(got) != want || got[0] != (Grant{stream, window()}) {
			t.Fatalf("first stream was granted %v", got)
		}
	}
	if got := p.Join(2); len(got) != 1 {
		t.Fatalf("second stream was granted %v", got)
	}
	if got := p.Join(3); len(got) != 0 {
		t.Fatalf("third stream was granted %v beyond the limit", got)
	}
	if got := p.Leave(1); !slices.Equal(got, []Grant{{3, window()}}) {
		t.Fatalf("a window came free, and %v was granted", got)
	}
}

func TestPool_RefusesWhatExceedsTheCredit(t *testing.T) {
	t.Parallel()
	p := NewPool(window(), 1000)
	p.Join(1)
	if err := p.Charge(1, 7, Load{Records: 1, Bytes: 1001}); !errors.Is(err, ErrOverCredit) {
		t.Errorf("too many bytes: %v", err)
	}
	if err := p.Charge(1, 7, Load{Records: 101, Bytes: 1}); !errors.Is(err, ErrOverCredit) {
		t.Errorf("too many records: %v", err)
	}
	if err := p.Charge(1, 7, Load{Records: 100, Bytes: 1000}); err != nil {
		t.Errorf("the whole window: %v", err)
	}
	if err := p.Charge(1, 7, Load{}); !errors.Is(err, ErrBatchIDInUse) {
		t.Errorf("the same id again: %v", err)
	}
	if err := p.Charge(1, 0, Load{}); !errors.Is(err, ErrBatchIDInUse) {
		t.Errorf("id 0: %v", err)
	}
}

func TestPool_DoneGrantsTheSameAgainOnceOnly(t *testing.T) {
	t.Parallel()
	p := NewPool(window(), 1000)
	p.Join(1)
	load := Load{Records: 3, Bytes: 300}
	if err := p.Charge(1, 7, load); err != nil {
		t.Fatal(err)
	}
	if got, ok := p.Done(1, 7); !ok || !slices.Equal(got, []Grant{{1, load}}) {
		t.Errorf("Done = %v, %v", got, ok)
	}
	if got, ok := p.Done(1, 7); ok || got != nil {
		t.Errorf("Done again = %v, %v", got, ok)
	}
}

func TestPool_ADeadStreamsBatchesCountUntilTheyAreDone(t *testing.T) {
	t.Parallel()
	p := NewPool(window(), 1000)
	p.Join(1)
	if err := p.Charge(1, 7, Load{Records: 1, Bytes: 400}); err != nil {
		t.Fatal(err)
	}
	p.Join(2)
	if got := p.Leave(1); got != nil {
		t.Fatalf("granted %v while 400 bytes of the dead stream are held", got)
	}
	if got := p.InFlight(); got != (Load{1, 400}) {
		t.Errorf("in flight %v", got)
	}
	if got, ok := p.Done(1, 7); !ok || !slices.Equal(got, []Grant{{2, window()}}) {
		t.Errorf("Done = %v, %v", got, ok)
	}
	if got := p.InFlight(); got != (Load{}) {
		t.Errorf("in flight %v at the end", got)
	}
}
