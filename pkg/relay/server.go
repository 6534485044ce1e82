package relay

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	relayv1 "github.com/maskline/maskline/proto/gen/maskline/relay/v1"
)

// ServerConfig tunes the serving side of batch streams.
type ServerConfig struct {
	// Window is the credit of one stream. Larger keeps more in memory and loses more work when a process dies.
	// Default 8000 records, 4 MiB.
	Window Load
	// Limit is the ceiling in bytes over all streams, dead ones included; Limit / Window.Bytes streams have credit at a
	// time, further ones wait. Default 64 MiB.
	Limit int64
	// HeartbeatEvery is the pause between heartbeats. Default 5 s.
	HeartbeatEvery time.Duration
	// State is asked before each heartbeat. Default: always working.
	State func() (relayv1.State, string)
}

func (c ServerConfig) withDefaults() ServerConfig {
	if c.Window == (Load{}) {
		c.Window = Load{Records: 8000, Bytes: 4 << 20}
	}
	if c.Limit == 0 {
		c.Limit = 64 << 20
	}
	if c.HeartbeatEvery == 0 {
		c.HeartbeatEvery = HeartbeatEvery
	}
	if c.State == nil {
		c.State = func() (relayv1.State, string) { return relayv1.State_STATE_WORKING, "" }
	}
	return c
}

// Server keeps the credit of all streams that a service serves. Safe for concurrent use.
type Server struct {
	cfg ServerConfig

	mu       sync.Mutex
	pool     *Pool
	sessions map[uint64]*Session
	lastID   uint64
	draining bool
	changed  chan struct{} // closed and replaced at every change that a waiter may wait for
}

// NewServer returns a server with no streams.
func NewServer(cfg ServerConfig) *Server {
	cfg = cfg.withDefaults()
	return &Server{
		cfg:      cfg,
		pool:     NewPool(cfg.Window, cfg.Limit),
		sessions: map[uint64]*Session{},
		changed:  make(chan struct{}),
	}
}

// Open begins a session for one stream: it starts the goroutine that alone calls send, and the heartbeats. The stream
// has no credit until Accept. The caller must Close the session before its handler returns.
func (s *Server) Open(ctx context.Context, send func(*relayv1.Reply) error) *Session {
	ctx, cancel := context.WithCancel(ctx)
	s.mu.Lock()
	s.lastID++
	x := &Session{
		server: s, id: s.lastID, peer: peerOf(ctx), cancel: cancel, send: send,
		wake: make(chan struct{}, 1), sent: make(chan struct{}), beat: true, drain: s.draining,
	}
	s.sessions[x.id] = x
	s.mu.Unlock()
	x.poke()
	go x.sendReplies(ctx)
	return x
}

// Announce sends a heartbeat on every stream now: the state has changed.
func (s *Server) Announce() {
	s.each(func(x *Session) { x.beat = true })
}

// Drain asks every stream, and every later one, to end: clients stop sending and half-close.
func (s *Server) Drain() {
	s.mu.Lock()
	s.draining = true
	s.mu.Unlock()
	s.each(func(x *Session) { x.drain = true })
}

// Wait returns when no session is open.
func (s *Server) Wait(ctx context.Context) error {
	return s.await(ctx, func() bool { return len(s.sessions) == 0 })
}

// InFlight is what has been received and not settled, on live streams and dead ones.
func (s *Server) InFlight() Load {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pool.InFlight()
}

// Status lists the open streams. Their state is the server's own.
func (s *Server) Status() []StreamStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []StreamStatus
	for _, id := range slices.Sorted(maps.Keys(s.sessions)) {
		_, outstanding := s.pool.Outstanding(id)
		all = append(all, StreamStatus{Address: s.sessions[id].peer, Outstanding: outstanding, Credit: s.pool.Credit(id)})
	}
	return all
}

func peerOf(ctx context.Context) string {
	if p, ok := peer.FromContext(ctx); ok {
		return p.Addr.String()
	}
	return ""
}

// Sessions is the number of open streams.
func (s *Server) Sessions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sessions)
}

func (s *Server) each(do func(*Session)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.sessions {
		do(x)
		x.poke()
	}
}

// give queues grants on the streams they are for. The caller holds mu.
func (s *Server) give(grants []Grant) {
	for _, g := range grants {
		if x := s.sessions[g.Stream]; x != nil {
			x.credit = x.credit.add(g.Load)
			x.poke()
		}
	}
}

// announceChange wakes all waiters. The caller holds mu.
func (s *Server) announceChange() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// await blocks until cond, which is asked under mu, holds.
func (s *Server) await(ctx context.Context, cond func() bool) error {
	for {
		s.mu.Lock()
		ok, changed := cond(), s.changed
		s.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// chargeStatus turns a refusal of the pool into what the client is told.
func chargeStatus(err error) error {
	if errors.Is(err, ErrOverCredit) {
		return status.Error(codes.ResourceExhausted, err.Error())
	}
	return status.Error(codes.InvalidArgument, err.Error())
}
