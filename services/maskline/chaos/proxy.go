package chaos

import (
	"context"
	"net"
	"sync"
	"time"
)

// proxy carries TCP connections to a target and does to them what networks do. A partition holds every byte and every
// close, of old connections and new ones, and delivers them when it is over, as TCP's own repetition does: a proxy that
// drops bytes or closes instead tests something milder. Safe for concurrent use.
type proxy struct {
	target   string
	listener net.Listener
	work     sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	open    chan struct{} // closed while bytes may pass
	latency time.Duration
	conns   map[*net.TCPConn]struct{}
}

func newProxy(target string) (*proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{target: target, listener: listener, open: make(chan struct{}), conns: map[*net.TCPConn]struct{}{}}
	close(p.open)
	p.work.Go(p.accept)
	return p, nil
}

func (p *proxy) address() string { return p.listener.Addr().String() }

// partition holds everything until heal.
func (p *proxy) partition() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open = make(chan struct{})
}

// heal ends a partition.
func (p *proxy) heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.open:
	default:
		close(p.open)
	}
}

// slow delays every byte of either direction.
func (p *proxy) slow(by time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.latency = by
}

// reset ends all connections with a RST and returns how many there were.
func (p *proxy) reset() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.SetLinger(0)
		_ = c.Close()
	}
	return len(p.conns) / 2
}

func (p *proxy) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	_ = p.listener.Close()
	p.heal()
	p.reset()
	p.work.Wait()
}

func (p *proxy) accept() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return
		}
		client, ok := c.(*net.TCPConn)
		if ok && p.add(client) {
			p.work.Go(func() { p.serve(client) })
		}
	}
}

// add remembers a connection, so that reset finds it, unless the proxy is closed.
func (p *proxy) add(c *net.TCPConn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		_ = c.Close()
		return false
	}
	p.conns[c] = struct{}{}
	return true
}

func (p *proxy) forget(c *net.TCPConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
	_ = c.Close()
}

// serve connects to the target, once the network lets it, and carries both directions until both have ended.
func (p *proxy) serve(client *net.TCPConn) {
	defer p.forget(client)
	p.gate()
	c, err := new(net.Dialer).DialContext(context.Background(), "tcp", p.target)
	if err != nil {
		_ = client.SetLinger(0) // refused there, reset here
		return
	}
	server, ok := c.(*net.TCPConn)
	if !ok || !p.add(server) {
		return
	}
	defer p.forget(server)
	var both sync.WaitGroup
	both.Go(func() { p.carry(client, server) })
	both.Go(func() { p.carry(server, client) })
	both.Wait()
}

// gate waits while there is a partition, and returns the latency.
func (p *proxy) gate() time.Duration {
	for {
		p.mu.Lock()
		open, latency := p.open, p.latency
		p.mu.Unlock()
		select {
		case <-open:
			return latency
		default:
			<-open
		}
	}
}

// chunk is bytes under way, or the end of a direction.
type chunk struct {
	bytes []byte
	read  time.Time
}

// carry moves one direction. What is read waits in line, so that latency does not cost bandwidth.
func (p *proxy) carry(from, to *net.TCPConn) {
	line := make(chan chunk, 64)
	go func() {
		defer close(line)
		for {
			buffer := make([]byte, 64<<10)
			n, err := from.Read(buffer)
			if n > 0 {
				line <- chunk{buffer[:n], time.Now()}
			}
			if err != nil {
				return
			}
		}
	}()
	broken := false
	for c := range line {
		if wait := time.Until(c.read.Add(p.gate())); wait > 0 {
			time.Sleep(wait)
			p.gate()
		}
		if broken {
			continue
		}
		if _, err := to.Write(c.bytes); err != nil {
			broken = true
			_ = from.CloseRead() // ends the reader
		}
	}
	p.gate()
	_ = to.CloseWrite()
}
