package relay

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"

	relayv1 "github.com/maskline/maskline/proto/gen/maskline/relay/v1"
)

// Stream is the sending side of one gRPC stream. Send and CloseSend are called by one goroutine, Recv by another.
type Stream[B any] interface {
	Send(batch B) error
	Recv() (*relayv1.Reply, error)
	CloseSend() error
}

// Handler hears of every batch that the client took, exactly once: settled or returned. Its methods are called from
// several goroutines and must not block for long.
type Handler interface {
	// Settled brings the verdicts of a batch.
	Settled(settlement *relayv1.Settlement)
	// Returned brings back batches without verdicts: their stream broke, or the server handed them back.
	Returned(batches []uint64)
	// Changed says that Idle, Ready or the credit may have changed.
	Changed()
}

// ClientConfig says where batches go.
type ClientConfig[B any] struct {
	// Targets are host:port; every address behind a host is used.
	Targets []string
	// Dial makes a connection to one address, which was found behind host.
	Dial func(address, host string) (*grpc.ClientConn, error)
	// Open opens a stream on a connection and sends what must come before the first batch.
	Open func(ctx context.Context, conn *grpc.ClientConn) (Stream[B], error)
	// Handler hears of the batches.
	Handler Handler
	// Logger gets a line when a stream opens or is lost, at most every ten seconds per address for the same trouble.
	Logger *slog.Logger
	// RoundTrip, if set, hears how long after TrySend each batch was settled. It must not block.
	RoundTrip func(time.Duration)
	// Reconnected, if set, hears of each stream that is opened to an address after the one before has ended. It must not
	// block.
	Reconnected func()
	// Lookup resolves a host. Default: the system's resolver.
	Lookup func(ctx context.Context, host string) ([]string, error)
	// ResolveEvery is the pause between look-ups: a new replica gets work this soon. Default 3 s.
	ResolveEvery time.Duration
	// DeadAfter is the silence after which a stream is closed. Default 15 s.
	DeadAfter time.Duration
}

// Client keeps one stream to every address of its targets and gives each batch to one of them. Safe for concurrent use.
type Client[B any] struct {
	cfg ClientConfig[B]

	mu       sync.Mutex
	balance  *Balancer
	links    map[string]*link[B] // by address
	streams  map[uint64]*link[B] // the open ones
	lastID   uint64
	closing  bool
	trouble  string // why no address is known
	released sync.WaitGroup
}

// NewClient returns a client that does nothing until Run.
func NewClient[B any](cfg ClientConfig[B]) *Client[B] {
	if cfg.RoundTrip == nil {
		cfg.RoundTrip = func(time.Duration) {}
	}
	if cfg.Reconnected == nil {
		cfg.Reconnected = func() {}
	}
	if cfg.ResolveEvery == 0 {
		cfg.ResolveEvery = 3 * time.Second
	}
	if cfg.DeadAfter == 0 {
		cfg.DeadAfter = DeadAfter
	}
	return &Client[B]{
		cfg:     cfg,
		balance: NewBalancer(rand.IntN),
		links:   map[string]*link[B]{},
		streams: map[uint64]*link[B]{},
	}
}

// Run resolves the targets again and again and keeps the streams open, until ctx ends. It returns when every stream is
// closed and every outstanding batch has been returned.
func (c *Client[B]) Run(ctx context.Context) {
	ticker := time.NewTicker(c.cfg.ResolveEvery)
	defer ticker.Stop()
	for {
		found, err := resolve(ctx, c.cfg.Lookup, c.cfg.Targets)
		c.follow(ctx, found, err)
		select {
		case <-ticker.C:
		case <-ctx.Done():
			c.released.Wait()
			return
		}
	}
}

// TrySend gives a batch to a stream. It reports false, and has not taken the batch, if no stream has the credit. The
// batch must not be changed afterwards.
func (c *Client[B]) TrySend(id uint64, load Load, batch B) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return false
	}
	stream, ok := c.balance.Assign(id, load)
	if !ok {
		return false
	}
	l := c.streams[stream]
	l.queue = append(l.queue, batch)
	l.sentAt[id] = time.Now()
	l.poke()
	return true
}

// Idle says whether a stream has credit and nothing outstanding.
func (c *Client[B]) Idle() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.closing && c.balance.Idle()
}

// Ready says whether some server is working, and if none is, why.
func (c *Client[B]) Ready() (bool, string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var reasons []string
	for _, l := range c.links {
		if l.working() {
			return true, ""
		}
		if reason := l.address + ": " + l.reason(); !l.retired {
			reasons = append(reasons, reason)
		}
	}
	if len(reasons) == 0 {
		return false, c.trouble
	}
	slices.Sort(reasons)
	return false, strings.Join(reasons, "; ")
}

// StreamStatus describes the stream of one address for operators.
type StreamStatus struct {
	Address     string
	State       string
	Outstanding Load
	// Credit is what may be sent beside what is outstanding.
	Credit Load
}

// Status lists the addresses.
func (c *Client[B]) Status() []StreamStatus {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []StreamStatus
	for _, address := range slices.Sorted(maps.Keys(c.links)) {
		l := c.links[address]
		all = append(all, StreamStatus{address, l.stateName(), c.balance.Used(l.stream), c.balance.Credit(l.stream)})
	}
	return all
}

// Shutdown half-closes every stream and waits until the servers have ended them, having settled what they hold.
func (c *Client[B]) Shutdown(ctx context.Context) error {
	c.mu.Lock()
	c.closing = true
	for _, l := range c.links {
		l.poke()
	}
	c.mu.Unlock()
	done := make(chan struct{})
	go func() {
		c.released.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// follow starts a link for each new address and retires those that are gone from the name. A retired link keeps its
// stream while it lives, for a name server may be wrong for a moment.
func (c *Client[B]) follow(ctx context.Context, found []endpoint, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.trouble = err.Error()
	}
	if c.closing || len(found) == 0 || ctx.Err() != nil {
		return
	}
	for address, l := range c.links {
		l.retired = err == nil && !slices.ContainsFunc(found, func(e endpoint) bool { return e.address == address })
	}
	for _, e := range found {
		if c.links[e.address] == nil {
			l := &link[B]{client: c, address: e.address, host: e.host, wake: make(chan struct{}, 1)}
			c.links[e.address] = l
			c.released.Go(func() { l.run(ctx) })
		}
	}
}

var errSilent = errors.New("no heartbeat")
