package relay

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	relayv1 "github.com/maskline/maskline/proto/gen/maskline/relay/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// backend is a server of batches that are plain numbers: their own id. It settles only when told to.
type backend struct {
	server *Server
	mute   atomic.Bool // no heartbeat is sent
	got    chan uint64
	mu     sync.Mutex
	live   []*Session
}

// wire is one stream between a client and a backend, without a network.
type wire struct {
	ctx     context.Context //nolint:containedctx // it stands for the stream, as in gRPC
	batches chan uint64
	replies chan *relayv1.Reply
	done    chan struct{}
	err     error
}

func (w *wire) Send(batch uint64) error {
	select {
	case w.batches <- batch:
		return nil
	case <-w.ctx.Done():
		return w.ctx.Err()
	}
}
func (w *wire) CloseSend() error { close(w.batches); return nil }
func (w *wire) Recv() (*relayv1.Reply, error) {
	select {
	case r := <-w.replies:
		return r, nil
	case <-w.done:
		return nil, w.err
	case <-w.ctx.Done():
		return nil, w.ctx.Err()
	}
}

func unit(batch uint64) Load { _ = batch; return Load{Records: 1, Bytes: 10} }

// serve is a handler as the services have it.
func (b *backend) serve(w *wire) error {
	session := b.server.Open(w.ctx, func(r *relayv1.Reply) error {
		if b.mute.Load() && r.GetHeartbeat() != nil {
			return nil
		}
		select {
		case w.replies <- r:
			return nil
		case <-w.ctx.Done():
			return w.ctx.Err()
		}
	})
	defer session.Close()
	b.mu.Lock()
	b.live = append(b.live, session)
	b.mu.Unlock()
	session.Accept()
	for {
		select {
		case batch, ok := <-w.batches:
			if !ok {
				return session.Finish(w.ctx)
			}
			if err := session.Receive(batch, unit(batch)); err != nil {
				return err
			}
			b.got <- batch
		case <-w.ctx.Done():
			return w.ctx.Err()
		}
	}
}

func (b *backend) session() *Session {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.live[len(b.live)-1]
}

// heard records what a client's handler hears.
type heard struct {
	settled  chan uint64
	returned chan uint64
}

func (h *heard) Settled(s *relayv1.Settlement) { h.settled <- s.GetBatchId() }
func (h *heard) Returned(batches []uint64) {
	for _, b := range batches {
		h.returned <- b
	}
}
func (h *heard) Changed() {}

type rig struct {
	client   *Client[uint64]
	heard    *heard
	backends map[string]*backend
	hosts    []string
	mu       sync.Mutex
	stop     context.CancelFunc
	stopped  chan struct{}
	trips    chan time.Duration
	again    atomic.Int32 // streams opened again
}

// newRig runs a client against backends by address, inside a synctest bubble.
func newRig(t *testing.T, window Load, addresses ...string) *rig {
	t.Helper()
	r := &rig{
		heard:    &heard{settled: make(chan uint64, 100), returned: make(chan uint64, 100)},
		backends: map[string]*backend{}, stopped: make(chan struct{}),
		trips: make(chan time.Duration, 100),
	}
	for _, a := range addresses {
		r.add(a, window)
	}
	addressOf := map[*grpc.ClientConn]string{}
	r.client = NewClient(ClientConfig[uint64]{
		Targets: []string{"maskers:1"}, Handler: r.heard, Logger: slog.New(slog.DiscardHandler),
		RoundTrip: func(d time.Duration) { r.trips <- d }, Reconnected: func() { r.again.Add(1) },
		Lookup: func(context.Context, string) ([]string, error) {
			r.mu.Lock()
			defer r.mu.Unlock()
			return slices.Clone(r.hosts), nil
		},
		Dial: func(address, _ string) (*grpc.ClientConn, error) {
			conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()))
			r.mu.Lock()
			defer r.mu.Unlock()
			addressOf[conn] = address
			return conn, err
		},
		Open: func(ctx context.Context, conn *grpc.ClientConn) (Stream[uint64], error) {
			r.mu.Lock()
			b := r.backends[addressOf[conn]]
			r.mu.Unlock()
			w := &wire{ctx: ctx, batches: make(chan uint64), replies: make(chan *relayv1.Reply), done: make(chan struct{})}
			go func() {
				if w.err = b.serve(w); w.err == nil {
					w.err = io.EOF
				}
				close(w.done)
			}()
			return w, nil
		},
	})
	ctx, cancel := context.WithCancel(t.Context())
	r.stop = cancel
	go func() {
		defer close(r.stopped)
		r.client.Run(ctx)
	}()
	synctest.Wait()
	return r
}

func (r *rig) add(address string, window Load) *backend {
	b := &backend{server: NewServer(ServerConfig{Window: window, Limit: window.Bytes}), got: make(chan uint64, 100)}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.backends[address+":1"] = b
	r.hosts = append(r.hosts, address)
	return b
}

func (r *rig) end() {
	r.stop()
	<-r.stopped
	synctest.Wait()
}

func settle(b *backend, batch uint64) {
	b.session().Settle(&relayv1.Settlement{BatchId: batch})
}

func TestClient_EveryBatchComesBackOnceAsSettled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Load{Records: 10, Bytes: 100}, "10.0.0.1")
		defer r.end()
		b := r.backends["10.0.0.1:1"]
		for batch := uint64(1); batch <= 10; batch++ {
			if !r.client.TrySend(batch, unit(batch), batch) {
				t.Fatalf("batch %d: no credit", batch)
			}
		}
		if r.client.TrySend(11, unit(11), 11) {
			t.Fatal("an eleventh batch was taken beyond the window")
		}
		for batch := uint64(1); batch <= 10; batch++ {
			settle(b, <-b.got)
			if got := <-r.heard.settled; got != batch {
				t.Errorf("settled %d, want %d", got, batch)
			}
		}
		settle(b, 3) // answered already
		synctest.Wait()
		if len(r.heard.settled) != 0 || len(r.heard.returned) != 0 {
			t.Error("a batch came back twice")
		}
		if !r.client.TrySend(11, unit(11), 11) {
			t.Error("the credit was not granted anew")
		}
	})
}

func TestClient_SilenceForFifteenSecondsReturnsWhatWasOutstanding(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Load{Records: 10, Bytes: 100}, "10.0.0.1")
		defer r.end()
		b := r.backends["10.0.0.1:1"]
		time.Sleep(time.Minute) // heartbeats keep it alive
		if ready, _ := r.client.Ready(); !ready {
			t.Fatal("not ready with a live backend")
		}
		r.client.TrySend(1, unit(1), 1)
		<-b.got
		b.mute.Store(true)
		before := time.Now()
		if got := <-r.heard.returned; got != 1 {
			t.Errorf("returned %d", got)
		}
		if silence := time.Since(before); silence < 10*time.Second || silence > DeadAfter {
			t.Errorf("returned after %v of silence", silence)
		}
		if got := b.server.InFlight(); got != unit(1) {
			t.Errorf("the dead stream's batch no longer counts: %v", got)
		}
	})
}

// A fetcher that received for a masker whose credit others have would keep messages hidden for nothing.
func TestClient_IsNotReadyBeforeItHasEverBeenGrantedCredit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Load{})
		defer r.end()
		b := r.add("10.0.0.1", Load{Records: 10, Bytes: 100}) // one window: looked up in three seconds
		other := b.server.Open(t.Context(), func(*relayv1.Reply) error { return nil })
		other.Accept()
		time.Sleep(time.Minute)
		if ready, reason := r.client.Ready(); ready || reason != "10.0.0.1:1: waiting for credit: other streams have all of it" {
			t.Errorf("ready %v, %q", ready, reason)
		}
		other.Close()
		synctest.Wait()
		if ready, reason := r.client.Ready(); !ready {
			t.Errorf("not ready with a window: %s", reason)
		}
	})
}

func TestClient_TellsOfRoundTripsReconnectsAndCredit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Load{Records: 10, Bytes: 100}, "10.0.0.1")
		defer r.end()
		b := r.backends["10.0.0.1:1"]
		r.client.TrySend(1, unit(1), 1)
		time.Sleep(3 * time.Second) // virtual
		want := Load{Records: 9, Bytes: 90}
		if here, there := r.client.Status()[0], b.server.Status()[0]; here.Credit != want || there.Credit != want ||
			here.Outstanding != unit(1) || there.Outstanding != unit(1) {
			t.Errorf("client %v, server %v", here, there)
		}
		settle(b, <-b.got)
		if trip := <-r.trips; trip != 3*time.Second || r.again.Load() != 0 {
			t.Errorf("a round trip of %v, %d streams opened again", trip, r.again.Load())
		}
		b.session().Resend(2) // never sent
		r.client.TrySend(3, unit(3), 3)
		<-b.got
		b.session().Resend(3)
		b.mute.Store(true)
		time.Sleep(DeadAfter + 2*reconnectMost) // virtual; opened again, and still mute
		if r.again.Load() == 0 || len(r.trips) != 0 {
			t.Errorf("%d streams opened again, %d round trips of what was not settled", r.again.Load(), len(r.trips))
		}
		<-r.heard.settled
		<-r.heard.returned
	})
}

func TestClient_DrainEndsAStreamWithNothingLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Load{Records: 10, Bytes: 100}, "10.0.0.1", "10.0.0.2")
		defer r.end()
		one, two := r.backends["10.0.0.1:1"], r.backends["10.0.0.2:1"]
		for batch := uint64(1); batch <= 4; batch++ {
			r.client.TrySend(batch, unit(batch), batch)
		}
		synctest.Wait()
		if len(one.got) != 2 || len(two.got) != 2 {
			t.Fatalf("%d and %d batches, want 2 and 2", len(one.got), len(two.got))
		}
		one.server.Drain()
		synctest.Wait()
		for batch := uint64(5); batch <= 8; batch++ {
			r.client.TrySend(batch, unit(batch), batch)
		}
		synctest.Wait()
		if len(one.got) != 2 || len(two.got) != 6 {
			t.Errorf("%d and %d batches after the drain, want 2 and 6", len(one.got), len(two.got))
		}
		settle(one, <-one.got)
		settle(one, <-one.got)
		if err := one.server.Wait(t.Context()); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if len(r.heard.settled) != 2 || len(r.heard.returned) != 0 {
			t.Errorf("%d settled, %d returned; want 2 and 0", len(r.heard.settled), len(r.heard.returned))
		}
	})
}

func TestClient_ANewReplicaGetsWorkWithinTenSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Load{Records: 10, Bytes: 100}, "10.0.0.1")
		defer r.end()
		two := r.add("10.0.0.2", Load{Records: 10, Bytes: 100})
		time.Sleep(10 * time.Second)
		r.client.TrySend(1, unit(1), 1)
		r.client.TrySend(2, unit(2), 2)
		synctest.Wait()
		if len(two.got) != 1 {
			t.Errorf("the new replica got %d of 2 batches", len(two.got))
		}
	})
}

func TestClient_ShutdownWaitsForTheAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Load{Records: 10, Bytes: 100}, "10.0.0.1")
		defer r.end()
		b := r.backends["10.0.0.1:1"]
		r.client.TrySend(1, unit(1), 1)
		batch := <-b.got
		done := make(chan error, 1)
		go func() { done <- r.client.Shutdown(t.Context()) }()
		synctest.Wait()
		if len(done) != 0 {
			t.Fatal("shut down with a batch outstanding")
		}
		settle(b, batch)
		if err := <-done; err != nil || <-r.heard.settled != 1 {
			t.Errorf("shutdown: %v", err)
		}
	})
}

func TestServer_AStreamBeyondItsCreditIsCutOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := NewServer(ServerConfig{Window: Load{Records: 1, Bytes: 100}, Limit: 100})
		x := s.Open(t.Context(), func(*relayv1.Reply) error { return nil })
		defer x.Close()
		if err := x.Receive(1, Load{1, 1}); err == nil {
			t.Error("a batch was taken before Accept")
		}
		x.Accept()
		if err := x.Receive(1, Load{1, 1}); err != nil {
			t.Error(err)
		}
		if err := x.Receive(2, Load{1, 1}); err == nil {
			t.Error("a second batch was taken on credit for one")
		}
	})
}

func TestSession_FinishGivesUpWhenAnswersCannotLeave(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := NewServer(ServerConfig{})
		broken := errors.New("broken pipe")
		x := s.Open(t.Context(), func(*relayv1.Reply) error { return broken })
		defer x.Close()
		x.Accept()
		if err := x.Finish(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
