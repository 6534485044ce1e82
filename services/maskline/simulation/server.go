package simulation

import (
	"slices"

	"github.com/maskline/maskline/pkg/relay"
	relayv1 "github.com/maskline/maskline/proto/gen/maskline/relay/v1"
)

// server is the serving side of streams. It mirrors pkg/relay/server.go and session.go around the real relay.Pool.
type server struct {
	process  *process
	pool     *relay.Pool
	limit    int64
	held     int64 // bytes received and not answered, counted here and not by the pool
	lastID   uint64
	sessions []*session
	draining bool
	service  service
}

// service is what a program does with its streams.
type service interface {
	// received takes a batch that was charged.
	received(x *session, b batch)
	// gone says that a session has closed.
	gone(x *session)
	state() relayv1.State
}

// session is the serving side of one stream.
type session struct {
	server *server
	stream *stream
	id     uint64
	loads  map[uint64]relay.Load // of the batches that are not answered
	half   bool                  // the client sends no more
	closed bool
}

// reset begins a new life.
func (s *server) reset(window relay.Load, windows int64) {
	s.limit, s.held, s.lastID, s.sessions, s.draining = window.Bytes*windows, 0, 0, nil, false
	s.pool = relay.NewPool(window, s.limit)
}

func (s *server) accept(t *stream) {
	s.lastID++
	x := &session{server: s, stream: t, id: s.lastID, loads: map[uint64]relay.Load{}}
	t.session = x
	s.sessions = append(s.sessions, x)
	x.beat()
	if s.draining {
		x.send(&relayv1.Reply{Message: &relayv1.Reply_Drain{Drain: &relayv1.Drain{}}})
	}
	s.give(s.pool.Join(x.id))
}

func (s *server) give(grants []relay.Grant) {
	for _, g := range grants {
		for _, x := range s.sessions {
			if x.id == g.Stream {
				x.send(&relayv1.Reply{Message: &relayv1.Reply_Credit{Credit: &relayv1.Credit{
					Records: uint32(g.Load.Records), Bytes: uint64(g.Load.Bytes),
				}}})
			}
		}
	}
}

// announce tells every client the state, which has changed.
func (s *server) announce() {
	for _, x := range s.sessions {
		x.tell()
	}
}

// drain asks every client to end.
func (s *server) drain() {
	s.draining = true
	for _, x := range s.sessions {
		x.send(&relayv1.Reply{Message: &relayv1.Reply_Drain{Drain: &relayv1.Drain{}}})
	}
}

func (s *server) check() {
	w := s.process.world
	if s.held > s.limit || s.pool.InFlight().Bytes > s.limit {
		w.broken("%s holds %d bytes, %d by its pool, and may hold %d", s.process.name, s.held, s.pool.InFlight().Bytes, s.limit)
	}
}

func (x *session) send(r *relayv1.Reply) {
	if !x.closed {
		x.stream.deliver(r)
	}
}

func (x *session) tell() {
	x.send(&relayv1.Reply{Message: &relayv1.Reply_Heartbeat{Heartbeat: &relayv1.Heartbeat{State: x.server.service.state()}}})
}

func (x *session) beat() {
	if !x.closed {
		x.tell()
		x.server.process.after(relay.HeartbeatEvery, x.beat)
	}
}

func (x *session) receive(b batch, load relay.Load) {
	s := x.server
	if x.closed {
		return
	}
	if x.half {
		s.process.world.broken("%s gets batch %d after %s has half-closed", s.process.name, b.number(), x.stream.client.client.process.name)
	}
	if err := s.pool.Charge(x.id, b.number(), load); err != nil {
		s.process.world.broken("%s cut %s off: %v", s.process.name, x.stream.client.client.process.name, err)
		return
	}
	x.loads[b.number()] = load
	s.held += load.Bytes
	s.check()
	s.process.note("takes batch %d of %d from %s", b.number(), load.Records, x.stream.client.client.process.name)
	s.service.received(x, b)
}

// Settle and Resend implement masker.Replier.
func (x *session) Settle(settlement *relayv1.Settlement) {
	x.answer(settlement.GetBatchId(), &relayv1.Reply{Message: &relayv1.Reply_Settlement{Settlement: settlement}})
}

// Resend hands a batch back.
func (x *session) Resend(batch uint64) {
	x.answer(batch, &relayv1.Reply{Message: &relayv1.Reply_Resend{Resend: &relayv1.Resend{BatchId: batch}}})
}

func (x *session) answer(batch uint64, reply *relayv1.Reply) {
	s := x.server
	load, known := x.loads[batch]
	if !known {
		s.process.world.broken("%s answers batch %d twice", s.process.name, batch)
		return
	}
	delete(x.loads, batch)
	s.held -= load.Bytes
	grants, ok := s.pool.Done(x.id, batch)
	if !ok {
		s.process.world.broken("%s: the pool has no batch %d", s.process.name, batch)
	}
	x.send(reply)
	s.give(grants)
	x.finish()
}

func (x *session) halfClose() {
	x.half = true
	x.finish()
}

// finish ends the stream once the client sends no more and has every answer.
func (x *session) finish() {
	if !x.half || x.closed || len(x.loads) > 0 {
		return
	}
	t := x.stream
	t.toClient(t.clientEnds)
	t.serverEnds()
}

// close ends the session; what it received stays charged until it is answered.
func (x *session) close() {
	s := x.server
	if x.closed {
		return
	}
	x.closed = true
	s.sessions = slices.DeleteFunc(s.sessions, func(y *session) bool { return y == x })
	s.give(s.pool.Leave(x.id))
	s.check()
	s.service.gone(x)
}
