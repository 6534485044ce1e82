package relay

import (
	"context"
	"time"

	relayv1 "github.com/maskline/maskline/proto/gen/maskline/relay/v1"
)

// Session is the serving side of one stream. Safe for concurrent use.
type Session struct {
	server *Server
	id     uint64
	peer   string
	send   func(*relayv1.Reply) error
	cancel context.CancelFunc // ends the sender goroutine
	wake   chan struct{}
	sent   chan struct{} // closed when the sender goroutine has ended

	// Guarded by server.mu. What waits to be sent is bounded by the credit: one answer for each outstanding batch.
	answers []*relayv1.Reply
	credit  Load
	beat    bool
	drain   bool
	sending bool
	broken  bool // a send failed: answers no longer leave
	closed  bool
}

// Accept lets the stream join the credit pool.
func (x *Session) Accept() {
	x.server.mu.Lock()
	defer x.server.mu.Unlock()
	if !x.closed {
		x.server.give(x.server.pool.Join(x.id))
	}
}

// Receive charges a batch. Its error is a gRPC status that the handler returns as it is: the client broke the protocol.
func (x *Session) Receive(batch uint64, load Load) error {
	x.server.mu.Lock()
	defer x.server.mu.Unlock()
	if err := x.server.pool.Charge(x.id, batch, load); err != nil {
		return chargeStatus(err)
	}
	return nil
}

// Settle answers a batch with its verdicts and frees its charge. After the stream is gone only the charge is freed.
func (x *Session) Settle(s *relayv1.Settlement) {
	x.answer(s.GetBatchId(), &relayv1.Reply{Message: &relayv1.Reply_Settlement{Settlement: s}})
}

// Resend hands a batch back without verdicts and frees its charge.
func (x *Session) Resend(batch uint64) {
	x.answer(batch, &relayv1.Reply{Message: &relayv1.Reply_Resend{Resend: &relayv1.Resend{BatchId: batch}}})
}

// Finish waits until nothing is outstanding and every answer was sent. Call it with the stream's context after the
// client has half-closed.
func (x *Session) Finish(ctx context.Context) error {
	return x.server.await(ctx, func() bool {
		batches, _ := x.server.pool.Outstanding(x.id)
		return x.broken || batches == 0 && len(x.answers) == 0 && !x.sending
	})
}

// Close ends the session and returns when its sender goroutine has. Outstanding batches stay charged until settled.
func (x *Session) Close() {
	x.server.mu.Lock()
	if !x.closed {
		x.closed = true
		delete(x.server.sessions, x.id)
		x.server.give(x.server.pool.Leave(x.id))
		x.server.announceChange()
	}
	x.server.mu.Unlock()
	x.cancel()
	<-x.sent
}

// Outstanding is what the stream's client has sent and not been answered.
func (x *Session) Outstanding() Load {
	x.server.mu.Lock()
	defer x.server.mu.Unlock()
	_, load := x.server.pool.Outstanding(x.id)
	return load
}

// Credit is what the stream's client may still send.
func (x *Session) Credit() Load {
	x.server.mu.Lock()
	defer x.server.mu.Unlock()
	return x.server.pool.Credit(x.id)
}

func (x *Session) answer(batch uint64, reply *relayv1.Reply) {
	x.server.mu.Lock()
	defer x.server.mu.Unlock()
	grants, ok := x.server.pool.Done(x.id, batch)
	if !ok {
		return
	}
	if !x.closed {
		x.answers = append(x.answers, reply)
		x.poke()
	}
	x.server.give(grants)
	x.server.announceChange()
}

func (x *Session) poke() {
	select {
	case x.wake <- struct{}{}:
	default:
	}
}

// sendReplies is the only goroutine that sends on the stream, so a settlement never waits for a batch.
func (x *Session) sendReplies(ctx context.Context) {
	defer close(x.sent)
	ticker := time.NewTicker(x.server.cfg.HeartbeatEvery)
	defer ticker.Stop()
	for {
		for _, reply := range x.take() {
			if err := x.send(reply); err != nil {
				x.flushed(err) // the stream is gone; the handler's Recv sees it too
				return
			}
		}
		x.flushed(nil)
		select {
		case <-x.wake:
		case <-ticker.C:
			x.server.mu.Lock()
			x.beat = true
			x.server.mu.Unlock()
		case <-ctx.Done():
			return
		}
	}
}

// take returns what is to be sent: answers first, then credit, so that a client never has more outstanding than it may.
func (x *Session) take() []*relayv1.Reply {
	x.server.mu.Lock()
	replies, beat := x.answers, x.beat
	x.answers, x.beat = nil, false
	if x.credit != (Load{}) {
		replies = append(replies, &relayv1.Reply{Message: &relayv1.Reply_Credit{Credit: &relayv1.Credit{
			Records: uint32(x.credit.Records), Bytes: uint64(x.credit.Bytes),
		}}})
		x.credit = Load{}
	}
	if x.drain {
		replies = append(replies, &relayv1.Reply{Message: &relayv1.Reply_Drain{Drain: &relayv1.Drain{}}})
		x.drain = false
	}
	x.sending = len(replies) > 0
	x.server.mu.Unlock()
	if beat { // State takes locks of its own
		state, waiting := x.server.cfg.State()
		replies = append(replies, &relayv1.Reply{Message: &relayv1.Reply_Heartbeat{Heartbeat: &relayv1.Heartbeat{
			State: state, WaitingFor: waiting,
		}}})
	}
	return replies
}

func (x *Session) flushed(err error) {
	x.server.mu.Lock()
	defer x.server.mu.Unlock()
	if x.sending || err != nil {
		x.sending, x.broken = false, err != nil
		x.server.announceChange()
	}
}
