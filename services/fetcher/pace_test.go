package fetcher

import "testing"

// begun begins as many receives as the pace allows.
func begun(p *Pace) (n int) {
	for p.Allows() {
		p.Begin()
		n++
	}
	return n
}

func TestPace_AnEmptyQueueKeepsOneScout(t *testing.T) {
	t.Parallel()
	p := NewPace(1, 4)
	if n := begun(p); n != 4 {
		t.Fatalf("%d receives at first", n)
	}
	for range 3 {
		p.End(0, 10)
		if n := begun(p); n != 0 {
			t.Fatalf("%d more beside those that run", n)
		}
	}
	for range 5 {
		p.End(0, 10)
		if n := begun(p); n != 1 {
			t.Fatalf("%d scouts", n)
		}
	}
}

func TestPace_AFullReceiveBringsAllBackAndAPartialOneOneMore(t *testing.T) {
	t.Parallel()
	p := NewPace(1, 4)
	begun(p)
	for range 4 {
		p.End(0, 10)
	}
	begun(p)
	p.End(3, 10)
	if n := begun(p); n != 2 {
		t.Errorf("%d receives after a partial one", n)
	}
	p.End(10, 10)
	if n := begun(p); n != 3 {
		t.Errorf("%d receives beside the one that runs after a full one", n)
	}
	for range 3 { // more than there are pollers are never allowed
		p.End(1, 10)
		begun(p)
	}
	if p.running != 4 {
		t.Errorf("%d receives of a busy queue", p.running)
	}
}

func TestPace_AFailedReceiveTellsNothingAboutTheQueue(t *testing.T) {
	t.Parallel()
	p := NewPace(1, 4)
	begun(p)
	for range 4 {
		p.Failed()
	}
	if n := begun(p); n != 4 {
		t.Errorf("%d receives after four that failed", n)
	}
}

func TestPace_WithoutAScoutNothingSlowsDown(t *testing.T) {
	t.Parallel()
	p := NewPace(4, 4)
	begun(p)
	p.End(0, 10)
	if n := begun(p); n != 1 || p.running != 4 {
		t.Errorf("%d receives run", p.running)
	}
}
