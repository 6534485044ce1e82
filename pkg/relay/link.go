package relay

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	"github.com/maskline/maskline/pkg/telemetry"
	relayv1 "github.com/maskline/maskline/proto/gen/maskline/relay/v1"
)

const (
	reconnectFirst = 50 * time.Millisecond
	reconnectMost  = time.Second
	complainEvery  = 10 * time.Second
)

// link keeps one stream to one address, opening it again whenever it breaks.
type link[B any] struct {
	client  *Client[B]
	address string
	host    string // the name that the address was found behind
	wake    chan struct{}

	// Guarded by client.mu.
	stream     uint64 // the open stream's id in the balancer, or 0
	queue      []B    // bounded by the stream's credit
	sentAt     map[uint64]time.Time
	opens      int
	state      relayv1.State
	waitingFor string
	draining   bool
	granted    bool // credit, at any time on this stream
	retired    bool
	trouble    string
	complained time.Time
}

func (l *link[B]) run(ctx context.Context) {
	defer l.forget()
	conn, err := l.client.cfg.Dial(l.address, l.host)
	if err != nil { // only for an address that may not be used
		l.broken(ctx, err)
		l.client.mu.Lock()
		l.client.trouble = err.Error()
		l.client.mu.Unlock()
		return
	}
	defer conn.Close()
	pause := reconnectFirst
	for !l.over(ctx) {
		granted, err := l.serve(ctx, conn)
		if ctx.Err() == nil {
			l.broken(ctx, err)
		}
		if granted {
			pause = reconnectFirst
		}
		if l.over(ctx) {
			return
		}
		select {
		case <-time.After(pause/2 + rand.N(pause/2)):
		case <-ctx.Done():
		}
		pause = min(2*pause, reconnectMost)
	}
}

// serve runs one stream to its end. granted says that the server gave credit: it is no use to hurry back to one that
// refuses.
func (l *link[B]) serve(ctx context.Context, conn *grpc.ClientConn) (granted bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watchdog := time.AfterFunc(l.client.cfg.DeadAfter, func() { cancel(errSilent) })
	defer watchdog.Stop()
	stream, err := l.client.cfg.Open(ctx, conn)
	if err != nil {
		return false, cause(ctx, err)
	}
	id, again := l.opened()
	if again {
		l.client.cfg.Reconnected()
	}
	sender := make(chan struct{})
	go func() {
		defer close(sender)
		l.sendBatches(ctx, stream)
	}()
	defer func() {
		cancel(nil)
		<-sender
		l.lost(id)
	}()
	for {
		reply, err := stream.Recv()
		if err != nil {
			return granted, cause(ctx, err)
		}
		watchdog.Reset(l.client.cfg.DeadAfter)
		granted = l.hear(id, reply) || granted
	}
}

// cause prefers our own reason for ending the stream to gRPC's "canceled", and drops the code from a status.
func cause(ctx context.Context, err error) error {
	if c := context.Cause(ctx); c != nil && !errors.Is(c, context.Canceled) {
		return c
	}
	if s, ok := status.FromError(err); ok {
		return errors.New(s.Message())
	}
	return err
}

// sendBatches is the only goroutine that sends. It half-closes when the server drains or the client shuts down.
func (l *link[B]) sendBatches(ctx context.Context, stream Stream[B]) {
	c := l.client
	for {
		c.mu.Lock()
		queue, end := l.queue, l.draining || c.closing
		l.queue = nil
		c.mu.Unlock()
		for _, batch := range queue {
			if stream.Send(batch) != nil {
				return // Recv has the reason
			}
		}
		if end {
			_ = stream.CloseSend()
			return
		}
		select {
		case <-l.wake:
		case <-ctx.Done():
			return
		}
	}
}

// hear acts on one reply and says whether it was credit.
func (l *link[B]) hear(id uint64, reply *relayv1.Reply) (credit bool) {
	c := l.client
	c.mu.Lock()
	var settled *relayv1.Settlement
	var took time.Duration
	var returned []uint64
	switch m := reply.GetMessage().(type) {
	case *relayv1.Reply_Credit:
		c.balance.Grant(id, Load{Records: int(m.Credit.GetRecords()), Bytes: int64(m.Credit.GetBytes())})
		credit, l.granted = true, true
	case *relayv1.Reply_Settlement:
		if c.balance.Done(id, m.Settlement.GetBatchId()) {
			settled, took = m.Settlement, time.Since(l.sentAt[m.Settlement.GetBatchId()])
			delete(l.sentAt, m.Settlement.GetBatchId())
		}
	case *relayv1.Reply_Resend:
		if c.balance.Done(id, m.Resend.GetBatchId()) {
			returned = []uint64{m.Resend.GetBatchId()}
			delete(l.sentAt, m.Resend.GetBatchId())
		}
	case *relayv1.Reply_Heartbeat:
		l.state, l.waitingFor = m.Heartbeat.GetState(), m.Heartbeat.GetWaitingFor()
	case *relayv1.Reply_Drain:
		l.draining = true
		c.balance.Close(id)
		l.poke()
	}
	c.mu.Unlock()
	if settled != nil {
		c.cfg.RoundTrip(took)
		c.cfg.Handler.Settled(settled)
	}
	if returned != nil {
		c.cfg.Handler.Returned(returned)
	}
	c.cfg.Handler.Changed()
	return credit
}

func (l *link[B]) opened() (id uint64, again bool) {
	c := l.client
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lastID++
	l.stream, l.queue, l.draining, l.granted, l.state, l.waitingFor = c.lastID, nil, false, false, 0, "its first heartbeat"
	l.sentAt = map[uint64]time.Time{}
	l.opens++
	c.balance.Add(l.stream)
	c.streams[l.stream] = l
	return l.stream, l.opens > 1
}

// lost returns what was outstanding on a stream that has ended.
func (l *link[B]) lost(id uint64) {
	c := l.client
	c.mu.Lock()
	batches := c.balance.Remove(id)
	delete(c.streams, id)
	l.stream, l.queue = 0, nil
	c.mu.Unlock()
	if len(batches) > 0 {
		c.cfg.Handler.Returned(batches)
	}
	c.cfg.Handler.Changed()
}

// broken notes why there is no stream and says so, but not over and over.
func (l *link[B]) broken(ctx context.Context, err error) {
	c := l.client
	c.mu.Lock()
	expected := errors.Is(err, io.EOF) && (l.draining || c.closing)
	text := err.Error()
	if expected {
		text = "stopping"
	}
	news := !expected && (text != l.trouble || time.Since(l.complained) >= complainEvery)
	l.trouble = text
	if news {
		l.complained = time.Now()
	}
	c.mu.Unlock()
	if news {
		c.cfg.Logger.WarnContext(ctx, "stream lost", telemetry.KeyPeer, l.address, telemetry.KeyCause, text)
	}
	c.cfg.Handler.Changed()
}

// over says whether the link has nothing left to do.
func (l *link[B]) over(ctx context.Context) bool {
	l.client.mu.Lock()
	defer l.client.mu.Unlock()
	return ctx.Err() != nil || l.client.closing || l.retired
}

func (l *link[B]) forget() {
	l.client.mu.Lock()
	defer l.client.mu.Unlock()
	delete(l.client.links, l.address)
}

func (l *link[B]) poke() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// reason says why no batch goes to this address. The caller holds client.mu.
func (l *link[B]) reason() string {
	switch {
	case l.stream == 0 && l.trouble != "":
		return l.trouble
	case l.stream == 0:
		return "connecting"
	case l.draining:
		return "stopping"
	case l.waitingFor != "":
		return "waiting for " + l.waitingFor
	case !l.granted:
		return "waiting for credit: other streams have all of it"
	}
	return "waiting"
}

// working says whether the server takes batches of ours. One that has never granted credit does not, however well it is:
// a fetcher that received for it would keep messages hidden for nothing. The caller holds client.mu.
func (l *link[B]) working() bool {
	return l.stream != 0 && l.state == relayv1.State_STATE_WORKING && l.granted && !l.draining
}

func (l *link[B]) stateName() string {
	switch {
	case l.stream == 0:
		return "connecting"
	case l.draining:
		return "draining"
	case l.working():
		return "ready"
	}
	return "waiting"
}
