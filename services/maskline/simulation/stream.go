package simulation

import "time"

// stream is one gRPC stream between two processes. In each direction messages arrive in order, if they arrive. When it
// breaks, the two sides learn of it at different times, or one of them only by its own silence clock.
type stream struct {
	world                  *World
	client                 *link
	clientLife, serverLife int
	server                 *server
	id                     uint64 // the client's number of it
	session                *session
	down, up               time.Duration // when the last message of each direction arrives
	cutDown, cutUp         bool
	clientOver, serverOver bool
}

func (s *stream) over() bool { return s.clientOver && s.serverOver }

// toServer and toClient have a message arrive, in order.
func (s *stream) toServer(arrive func()) {
	if s.cutDown {
		return
	}
	s.down = max(s.down, s.world.now+s.delay())
	s.world.after(s.down-s.world.now, func() {
		if !s.serverOver {
			s.server.process.during(s.serverLife, arrive)
		}
	})
}

func (s *stream) toClient(arrive func()) {
	if s.cutUp {
		return
	}
	s.up = max(s.up, s.world.now+s.delay())
	s.world.after(s.up-s.world.now, func() {
		if !s.clientOver {
			s.client.client.process.during(s.clientLife, arrive)
		}
	})
}

func (s *stream) delay() time.Duration {
	if s.world.strikes(stalledStream) {
		return s.world.between(second, 20*second)
	}
	return s.world.latency()
}

// cut breaks the stream. What was sent before may arrive still. A silent cut tells nobody: the client finds out when it
// has heard nothing for too long, and the server by its keepalive.
func (s *stream) cut(silent bool) {
	s.world.note("network", "cuts stream %d of %s to %s, silently %v", s.id, s.client.client.process.name, s.server.process.name, silent)
	s.cutDown, s.cutUp = true, true
	if !silent {
		s.world.after(s.world.between(0, 2*second), s.clientEnds)
		s.world.after(s.world.between(0, 2*second), s.serverEnds)
		return
	}
	s.world.after(s.world.between(5*second, 40*second), s.serverEnds)
}

// clientEnds is the client's sight of the end.
func (s *stream) clientEnds() {
	if !s.clientOver {
		s.clientOver, s.cutDown = true, true
		if p := s.client.client.process; p.up && p.life == s.clientLife {
			s.client.lost(s)
		}
	}
}

// serverEnds is the server's sight of the end.
func (s *stream) serverEnds() {
	if !s.serverOver {
		s.serverOver, s.cutUp = true, true
		if p := s.server.process; p.up && p.life == s.serverLife && s.session != nil {
			s.session.close()
		}
	}
}

// clientDies and serverDies are the end of a process: the other side hears of it later, if ever.
func (s *stream) clientDies() {
	s.clientOver, s.cutDown, s.cutUp = true, true, true
	s.world.after(s.world.between(0, 20*second), s.serverEnds)
}

func (s *stream) serverDies() {
	s.serverOver, s.cutDown, s.cutUp = true, true, true
	if s.world.random.IntN(3) > 0 { // else only the silence tells
		s.world.after(s.world.between(0, 2*second), s.clientEnds)
	}
}
