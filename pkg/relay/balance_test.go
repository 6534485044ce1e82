package relay

import (
	"slices"
	"testing"
)

func first(int) int { return 0 }

func TestBalancer_NextBatchGoesToTheLeastOutstandingBytes(t *testing.T) {
	t.Parallel()
	b := NewBalancer(first)
	for stream := uint64(1); stream <= 3; stream++ {
		b.Add(stream)
		b.Grant(stream, Load{Records: 10, Bytes: 1000})
	}
	for batch, want := range []struct {
		bytes  int64
		stream uint64
	}{{500, 1}, {100, 2}, {200, 3}, {50, 2}, {60, 2}, {1, 3}} {
		got, ok := b.Assign(uint64(batch+1), Load{Records: 1, Bytes: want.bytes})
		if !ok || got != want.stream {
			t.Errorf("batch %d went to stream %d, want %d", batch+1, got, want.stream)
		}
	}
}

func TestBalancer_AStreamWithoutCreditGetsNothing(t *testing.T) {
	t.Parallel()
	b := NewBalancer(first)
	b.Add(1)
	if _, ok := b.Assign(1, Load{Records: 1, Bytes: 1}); ok {
		t.Error("a batch was assigned before any credit")
	}
	b.Grant(1, Load{Records: 1, Bytes: 10})
	if _, ok := b.Assign(1, Load{Records: 1, Bytes: 11}); ok {
		t.Error("a batch was assigned beyond the bytes granted")
	}
	if _, ok := b.Assign(1, Load{Records: 1, Bytes: 10}); !ok {
		t.Error("the whole credit could not be used")
	}
	if !b.Done(1, 1) {
		t.Fatal("batch not outstanding")
	}
	if _, ok := b.Assign(2, Load{Records: 1, Bytes: 1}); ok {
		t.Error("credit came back without a grant")
	}
}

func TestBalancer_ALateOrRepeatedAnswerIsIgnored(t *testing.T) {
	t.Parallel()
	b := NewBalancer(first)
	b.Add(1)
	b.Add(2)
	b.Grant(1, Load{Records: 9, Bytes: 90})
	b.Assign(1, Load{Records: 1, Bytes: 1})
	b.Assign(2, Load{Records: 1, Bytes: 1})
	if b.Done(2, 1) {
		t.Error("a batch was taken off a stream that never had it")
	}
	if !b.Done(1, 1) || b.Done(1, 1) {
		t.Error("a batch must be taken off once")
	}
	if got := b.Remove(1); !slices.Equal(got, []uint64{2}) {
		t.Errorf("Remove = %v", got)
	}
	if b.Done(1, 2) {
		t.Error("a batch of a removed stream was taken off")
	}
}

func TestBalancer_AClosedStreamKeepsWhatItHasAndGetsNoMore(t *testing.T) {
	t.Parallel()
	b := NewBalancer(first)
	b.Add(1)
	b.Grant(1, Load{Records: 9, Bytes: 90})
	b.Assign(1, Load{Records: 1, Bytes: 5})
	b.Close(1)
	if _, ok := b.Assign(2, Load{Records: 1, Bytes: 5}); ok || b.Idle() {
		t.Error("a closed stream got work")
	}
	if b.Used(1) != (Load{1, 5}) {
		t.Errorf("used %v", b.Used(1))
	}
}
