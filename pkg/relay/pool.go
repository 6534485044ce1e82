package relay

import (
	"errors"
	"slices"
)

// Pool shares one ceiling in bytes among streams: each stream that joins is granted one whole window, or waits until
// one is free. It is a pure core: no clock, no goroutine, not safe for concurrent use.
//
// What a batch took is granted anew to its stream when the batch is done. A stream that leaves gives its unspent credit
// back at once, but its unfinished batches keep counting until they are done: they are still in memory.
type Pool struct {
	window  Load
	free    int64
	members map[uint64]*member
	waiting []uint64
}

type member struct {
	credit  Load
	batches map[uint64]Load
	gone    bool
}

// Grant is credit that a stream must be told of.
type Grant struct {
	Stream uint64
	Load   Load
}

// Errors of Charge. Both are the client's fault and end its stream.
var (
	ErrOverCredit     = errors.New("batch exceeds the credit granted to this stream")
	ErrBatchIDInUse   = errors.New("batch id is 0 or already outstanding on this stream")
	errUnknownSession = errors.New("stream has not joined the pool")
)

// NewPool returns a pool of limit bytes, handed out in windows. A limit below one window is raised to it.
func NewPool(window Load, limit int64) *Pool {
	return &Pool{window: window, free: max(limit, window.Bytes), members: map[uint64]*member{}}
}

// Join admits a stream, which must be new.
func (p *Pool) Join(stream uint64) []Grant {
	p.members[stream] = &member{batches: map[uint64]Load{}}
	p.waiting = append(p.waiting, stream)
	return p.admit()
}

// Charge takes a batch's load out of the stream's credit.
func (p *Pool) Charge(stream, batch uint64, load Load) error {
	m := p.members[stream]
	if m == nil || m.gone {
		return errUnknownSession
	}
	if _, used := m.batches[batch]; used || batch == 0 {
		return ErrBatchIDInUse
	}
	if !m.credit.fits(load) {
		return ErrOverCredit
	}
	m.credit = m.credit.sub(load)
	m.batches[batch] = load
	return nil
}

// Done frees what a batch took. It reports false for a batch that is not outstanding.
func (p *Pool) Done(stream, batch uint64) ([]Grant, bool) {
	m := p.members[stream]
	if m == nil {
		return nil, false
	}
	load, ok := m.batches[batch]
	if !ok {
		return nil, false
	}
	delete(m.batches, batch)
	if !m.gone {
		m.credit = m.credit.add(load)
		return []Grant{{stream, load}}, true
	}
	p.free += load.Bytes
	if len(m.batches) == 0 {
		delete(p.members, stream)
	}
	return p.admit(), true
}

// Leave takes a stream out. Its outstanding batches stay charged.
func (p *Pool) Leave(stream uint64) []Grant {
	m := p.members[stream]
	if m == nil || m.gone {
		return nil
	}
	p.waiting = slices.DeleteFunc(p.waiting, func(w uint64) bool { return w == stream })
	p.free += m.credit.Bytes
	m.credit, m.gone = Load{}, true
	if len(m.batches) == 0 {
		delete(p.members, stream)
	}
	return p.admit()
}

// Outstanding is the load of the batches charged to one stream.
func (p *Pool) Outstanding(stream uint64) (batches int, load Load) {
	if m := p.members[stream]; m != nil {
		for _, l := range m.batches {
			load = load.add(l)
		}
		return len(m.batches), load
	}
	return 0, Load{}
}

// Credit is what one stream may still send.
func (p *Pool) Credit(stream uint64) Load {
	if m := p.members[stream]; m != nil {
		return m.credit
	}
	return Load{}
}

// InFlight is the load of all batches charged, those of streams that left included.
func (p *Pool) InFlight() Load {
	var sum Load
	for stream := range p.members {
		_, l := p.Outstanding(stream)
		sum = sum.add(l)
	}
	return sum
}

// admit grants whole windows, first come, first served: a window cut in pieces could end up too small for a frame.
func (p *Pool) admit() []Grant {
	var grants []Grant
	for len(p.waiting) > 0 && p.free >= p.window.Bytes {
		stream := p.waiting[0]
		p.waiting = p.waiting[1:]
		p.free -= p.window.Bytes
		p.members[stream].credit = p.window
		grants = append(grants, Grant{stream, p.window})
	}
	return grants
}
