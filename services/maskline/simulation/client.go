package simulation

import (
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/maskline/maskline/pkg/relay"
	relayv1 "github.com/maskline/maskline/proto/gen/maskline/relay/v1"
)

// client is the sending side of streams. It mirrors pkg/relay/client.go and link.go around the real relay.Balancer.
type client struct {
	process *process
	balance *relay.Balancer
	links   []*link
	lastID  uint64
	closing bool
	handler handler
	// outstanding are the batches taken and not answered, for the promise that each is answered once.
	outstanding map[uint64]int
}

// handler is relay.Handler.
type handler interface {
	Settled(settlement *relayv1.Settlement)
	Returned(batches []uint64)
	Changed()
}

// batch is what goes down a stream.
type batch interface{ number() uint64 }

// link keeps one stream to one server.
type link struct {
	client   *client
	server   *server
	stream   *stream
	working  bool
	draining bool
	heard    time.Duration
	pause    time.Duration
}

func newClient(p *process, h handler, servers []*server) *client {
	c := &client{process: p, handler: h, outstanding: map[uint64]int{}}
	c.balance = relay.NewBalancer(p.world.random.IntN)
	for _, s := range servers {
		l := &link{client: c, server: s, pause: 50 * ms}
		c.links = append(c.links, l)
		p.after(p.world.between(0, 100*ms), l.open)
	}
	return c
}

// trySend gives a batch to a stream, or reports false.
func (c *client) trySend(b batch, load relay.Load) bool {
	if c.closing {
		return false
	}
	id, ok := c.balance.Assign(b.number(), load)
	if !ok {
		return false
	}
	c.outstanding[b.number()] = load.Records
	for _, l := range c.links {
		if s := l.stream; s != nil && s.id == id {
			c.process.note("sends batch %d of %d to %s", b.number(), load.Records, l.server.process.name)
			s.toServer(func() { s.session.receive(b, load) })
			return true
		}
	}
	c.process.world.broken("%s: batch %d was assigned to a stream that is not open", c.process.name, b.number())
	return false
}

func (c *client) idle() bool { return !c.closing && c.balance.Idle() }

// ready says whether some server is working.
func (c *client) ready() bool {
	for _, l := range c.links {
		if l.stream != nil && l.working && !l.draining {
			return true
		}
	}
	return false
}

// shutdown half-closes every stream.
func (c *client) shutdown() {
	c.closing = true
	for _, l := range c.links {
		if s := l.stream; s != nil {
			s.toServer(func() { s.session.halfClose() })
		}
	}
}

func (c *client) open() int {
	n := 0
	for _, l := range c.links {
		if l.stream != nil {
			n++
		}
	}
	return n
}

// answered notes that a batch came back; twice is a broken promise.
func (c *client) answered(id uint64) {
	if _, ok := c.outstanding[id]; !ok {
		c.process.world.broken("%s: batch %d came back, though it was not outstanding", c.process.name, id)
	}
	delete(c.outstanding, id)
}

func (l *link) open() {
	c, p := l.client, l.client.process
	if c.closing || l.stream != nil {
		return
	}
	if !l.server.process.up || l.server.draining {
		p.after(l.backOff(), l.open)
		return
	}
	c.lastID++
	s := &stream{
		world: p.world, client: l, clientLife: p.life, server: l.server, serverLife: l.server.process.life, id: c.lastID,
	}
	p.world.streams = append(p.world.streams, s)
	l.stream, l.working, l.draining, l.heard = s, false, false, p.world.now
	c.balance.Add(s.id)
	s.toServer(func() { l.server.accept(s) })
	l.watch(s)
}

func (l *link) backOff() time.Duration {
	pause := l.pause
	l.pause = min(2*pause, second)
	return l.client.process.world.between(pause/2, pause)
}

// watch ends a stream that has been silent for too long.
func (l *link) watch(s *stream) {
	l.client.process.after(l.heard+relay.DeadAfter-l.client.process.world.now, func() {
		switch {
		case s.clientOver:
		case l.client.process.world.now < l.heard+relay.DeadAfter:
			l.watch(s)
		default:
			l.client.process.note("takes stream %d to %s for dead", s.id, l.server.process.name)
			s.cutUp = true
			s.world.after(s.world.between(0, 2*second), s.serverEnds)
			s.clientEnds()
		}
	})
}

// hear acts on one reply. Late ones of a stream that is over come here too: the balancer knows them.
func (l *link) hear(id uint64, reply *relayv1.Reply) {
	c, w := l.client, l.client.process.world
	l.heard = w.now
	var settled *relayv1.Settlement
	var returned []uint64
	switch m := reply.GetMessage().(type) {
	case *relayv1.Reply_Credit:
		c.balance.Grant(id, relay.Load{Records: int(m.Credit.GetRecords()), Bytes: int64(m.Credit.GetBytes())})
		l.pause = 50 * ms
	case *relayv1.Reply_Settlement:
		if c.balance.Done(id, m.Settlement.GetBatchId()) {
			settled = m.Settlement
		}
	case *relayv1.Reply_Resend:
		if c.balance.Done(id, m.Resend.GetBatchId()) {
			returned = []uint64{m.Resend.GetBatchId()}
		}
	case *relayv1.Reply_Heartbeat:
		l.working = m.Heartbeat.GetState() == relayv1.State_STATE_WORKING
	case *relayv1.Reply_Drain:
		l.draining = true
		c.balance.Close(id)
		if s := l.stream; s != nil && s.id == id {
			s.toServer(func() { s.session.halfClose() })
		}
	}
	if settled != nil {
		c.process.note("hears the settlement of batch %d: %s", settled.GetBatchId(), verdictsOf(settled))
		c.answered(settled.GetBatchId())
		c.handler.Settled(settled)
	}
	for _, b := range returned {
		c.process.note("gets batch %d back", b)
		c.answered(b)
		c.handler.Returned(returned)
	}
	c.handler.Changed()
}

// deliver brings a reply to the client, now and then with another one before it that no correct server would send.
func (s *stream) deliver(reply *relayv1.Reply) {
	s.toClient(func() {
		if x := reply.GetSettlement(); x != nil {
			s.forge(x)
		}
		s.client.hear(s.id, reply)
	})
	// A reply may have been read already when the stream is found dead, and then is dealt with afterwards.
	if s.clientOver && (reply.GetSettlement() != nil || reply.GetResend() != nil) {
		l, life := s.client, s.clientLife
		s.world.after(s.world.latency(), func() {
			if p := l.client.process; p.up && p.life == life {
				l.hear(s.id, reply)
			}
		})
	}
}

// forge lets the client hear what a faulty or a newer server might say of the batch: such a settlement must settle
// nothing, and must never count as a success.
func (s *stream) forge(said *relayv1.Settlement) {
	w, n := s.world, int(said.GetRecordCount())
	all := &relayv1.Settlement_AllCommitted{AllCommitted: &relayv1.AllCommitted{}}
	forged := &relayv1.Settlement{BatchId: said.GetBatchId(), RecordCount: said.GetRecordCount()}
	switch {
	case w.strikes(forgedCount):
		forged.RecordCount, forged.Outcome = uint32(n+1-2*w.random.IntN(2)), all
	case w.strikes(forgedVerdict):
		verdicts := make([]byte, n)
		for i := range verdicts {
			verdicts[i] = [...]byte{0, 0, byte(relayv1.Verdict_VERDICT_RETRY), 77}[w.random.IntN(4)]
		}
		forged.Outcome = &relayv1.Settlement_Verdicts{Verdicts: verdicts}
	case w.strikes(forgedOutcome):
	default:
		return
	}
	s.client.hear(s.id, &relayv1.Reply{Message: &relayv1.Reply_Settlement{Settlement: proto.CloneOf(forged)}})
}

// lost returns what was outstanding on a stream that has ended.
func (l *link) lost(s *stream) {
	c := l.client
	batches := c.balance.Remove(s.id)
	if l.stream == s {
		l.stream, l.working = nil, false
	}
	for _, b := range batches {
		c.answered(b)
	}
	if len(batches) > 0 {
		c.process.note("gets batches %v back: stream %d is over", batches, s.id)
		c.handler.Returned(batches)
	}
	c.handler.Changed()
	c.process.after(l.backOff(), l.open)
}

// verdictsOf writes a settlement as one letter per record.
func verdictsOf(s *relayv1.Settlement) string {
	if s.GetAllCommitted() != nil {
		return "all committed"
	}
	text := make([]byte, len(s.GetVerdicts()))
	for i, v := range s.GetVerdicts() {
		text[i] = '?'
		if int(v) < len("0cdsr!") {
			text[i] = "0cdsr!"[v]
		}
	}
	return string(text)
}
