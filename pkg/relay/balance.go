package relay

import (
	"maps"
	"slices"
)

// Balancer chooses the stream for each batch: the one with the least outstanding bytes among those whose credit
// suffices, ties by the given random choice. Balancing per batch, not per stream, is what spreads the work when streams
// live for hours. It is a pure core: no clock, no goroutine, not safe for concurrent use.
type Balancer struct {
	streams map[uint64]*balanced
	choose  func(n int) int
}

type balanced struct {
	credit  Load
	used    Load
	batches map[uint64]Load
	closed  bool
}

// NewBalancer returns an empty balancer; choose returns a number in [0, n) to break ties.
func NewBalancer(choose func(n int) int) *Balancer {
	return &Balancer{streams: map[uint64]*balanced{}, choose: choose}
}

// Add makes a stream known. It has no credit yet.
func (b *Balancer) Add(stream uint64) {
	b.streams[stream] = &balanced{batches: map[uint64]Load{}}
}

// Grant adds credit to a stream.
func (b *Balancer) Grant(stream uint64, load Load) {
	if s := b.streams[stream]; s != nil {
		s.credit = s.credit.add(load)
	}
}

// Close gives a stream no new batches; what is outstanding on it goes on.
func (b *Balancer) Close(stream uint64) {
	if s := b.streams[stream]; s != nil {
		s.closed = true
	}
}

// Assign chooses a stream and charges the batch to it. It reports false if no stream has the credit.
func (b *Balancer) Assign(batch uint64, load Load) (stream uint64, ok bool) {
	var best []uint64
	for id, s := range b.streams {
		if s.closed || !s.credit.fits(load) {
			continue
		}
		switch {
		case len(best) == 0 || s.used.Bytes < b.streams[best[0]].used.Bytes:
			best = append(best[:0], id)
		case s.used.Bytes == b.streams[best[0]].used.Bytes:
			best = append(best, id)
		}
	}
	if len(best) == 0 {
		return 0, false
	}
	slices.Sort(best) // map order must not decide, or a seed would not replay
	stream = best[b.choose(len(best))]
	s := b.streams[stream]
	s.credit = s.credit.sub(load)
	s.used = s.used.add(load)
	s.batches[batch] = load
	return stream, true
}

// Done takes a batch off its stream. It reports false for a batch that is not outstanding there: a late answer of a
// stream that was closed, or an answer given twice. Credit does not come back with it; the server grants it.
func (b *Balancer) Done(stream, batch uint64) bool {
	s := b.streams[stream]
	if s == nil {
		return false
	}
	load, ok := s.batches[batch]
	if !ok {
		return false
	}
	delete(s.batches, batch)
	s.used = s.used.sub(load)
	return true
}

// Remove forgets a stream and returns the batches that were outstanding on it, oldest id first.
func (b *Balancer) Remove(stream uint64) []uint64 {
	s := b.streams[stream]
	if s == nil {
		return nil
	}
	delete(b.streams, stream)
	return slices.Sorted(maps.Keys(s.batches))
}

// Idle says whether some stream has credit and nothing outstanding: it should be sent whatever there is.
func (b *Balancer) Idle() bool {
	for _, s := range b.streams {
		if !s.closed && len(s.batches) == 0 && s.credit.Records > 0 && s.credit.Bytes > 0 {
			return true
		}
	}
	return false
}

// Credit is what may still be sent on a stream.
func (b *Balancer) Credit(stream uint64) Load {
	if s := b.streams[stream]; s != nil && !s.closed {
		return s.credit
	}
	return Load{}
}

// Used is the load outstanding on a stream.
func (b *Balancer) Used(stream uint64) Load {
	if s := b.streams[stream]; s != nil {
		return s.used
	}
	return Load{}
}
