package fetcher

import (
	"testing"
	"time"
)

func drained(settle time.Duration) *Drained {
	return &Drained{Settle: settle, Patience: visibility + time.Minute}
}

func TestDrained_NeedsThreeEmptyPollsInARow(t *testing.T) {
	t.Parallel()
	d := drained(0)
	for _, messages := range []int{0, 0, 1, 0, 0} {
		d.Polled(messages)
		if d.WantsCounts(0) {
			t.Fatal("content with fewer than three empty polls in a row")
		}
	}
	d.Polled(0)
	if d.WantsCounts(1) {
		t.Error("content with a message in flight")
	}
	if !d.WantsCounts(0) {
		t.Error("not content with three empty polls")
	}
}

func TestDrained_NeedsTwoReadingsOfZeroFiveSecondsApart(t *testing.T) {
	t.Parallel()
	d := drained(5 * time.Second)
	steps := []struct {
		at     float64
		counts Counts
		want   DrainVerdict
	}{
		{0, Counts{}, DrainGoOn},
		{3, Counts{NotVisible: 1}, DrainGoOn},
		{4, Counts{}, DrainGoOn},
		{8.9, Counts{}, DrainGoOn},
		{9, Counts{}, DrainDone},
	}
	for _, s := range steps {
		if got := d.Counted(at(s.at), s.counts); got != s.want {
			t.Errorf("at %v s with %+v: %v, want %v", s.at, s.counts, got, s.want)
		}
	}
}

func TestDrained_ExactCountsNeedOneReading(t *testing.T) {
	t.Parallel()
	if got := drained(0).Counted(at(0), Counts{}); got != DrainDone {
		t.Errorf("%v", got)
	}
	if got := drained(0).Counted(at(0), Counts{Delayed: 1}); got != DrainGoOn {
		t.Errorf("a delayed message: %v", got)
	}
}

func TestDrained_GivesUpOnMessagesInOtherHands(t *testing.T) {
	t.Parallel()
	d := drained(0)
	if got := d.Counted(at(0), Counts{NotVisible: 2}); got != DrainGoOn {
		t.Errorf("at once: %v", got)
	}
	if got := d.Counted(at(90), Counts{NotVisible: 2}); got != DrainGoOn {
		t.Errorf("after the visibility timeout and a minute: %v", got)
	}
	if got := d.Counted(at(90.1), Counts{NotVisible: 2, Visible: 1}); got != DrainGoOn {
		t.Errorf("with a visible message: %v", got)
	}
	if got := d.Counted(at(90.1), Counts{NotVisible: 2}); got != DrainStuck {
		t.Errorf("later: %v", got)
	}
}
