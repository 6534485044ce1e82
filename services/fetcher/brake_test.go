package fetcher

import "testing"

func TestBrake_HoldsAfterEqualRejectionsInARow(t *testing.T) {
	t.Parallel()
	b := NewBrake(3)
	for range 3 {
		if !b.Rejected("missing", "ip") {
			t.Fatal("held back too early")
		}
	}
	if !b.On() || b.Rejected("missing", "ip") || b.Rejected("other", "ip") {
		t.Error("does not hold")
	}
	if !b.Committed() || b.On() {
		t.Error("a commit must release it")
	}
	if b.Committed() {
		t.Error("released twice")
	}
}

func TestBrake_AnotherReasonColumnOrACommitBreaksTheRow(t *testing.T) {
	t.Parallel()
	b := NewBrake(2)
	b.Rejected("missing", "ip")
	b.Rejected("missing", "user_id")
	b.Rejected("too_long", "user_id")
	b.Committed()
	b.Rejected("too_long", "user_id")
	if b.On() {
		t.Error("holds though no two in a row were equal")
	}
	if reason, column := b.Cause(); reason != "too_long" || column != "user_id" {
		t.Errorf("cause %s, %s", reason, column)
	}
}

func TestBrake_ZeroNeverHolds(t *testing.T) {
	t.Parallel()
	b := NewBrake(0)
	for range 1000 {
		if !b.Rejected("missing", "ip") {
			t.Fatal("holds")
		}
	}
}
