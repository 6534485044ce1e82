package writer

import (
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// proxy stands between the writer and Postgres.
type proxy struct {
	target    string
	statement atomic.Pointer[string] // to be cut at

	mu       sync.Mutex
	listener net.Listener
	conns    map[net.Conn]struct{}
	all      sync.WaitGroup
}

func startProxy(t *testing.T, d *db) *proxy {
	t.Helper()
	u, err := url.Parse(d.dsn)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{target: u.Host, conns: map[net.Conn]struct{}{}}
	p.accept(t, "127.0.0.1:0")
	t.Cleanup(func() { p.refuse(); p.all.Wait() })
	return p
}

// cutAt ends the connection that next carries the statement: Postgres runs it, and its answer is lost.
func (p *proxy) cutAt(statement string) { p.statement.Store(&statement) }

func (p *proxy) address() string { return p.listener.Addr().String() }

func (p *proxy) dsn(d *db) string {
	u, _ := url.Parse(d.dsn)
	u.Host = p.address()
	return u.String()
}

func (p *proxy) accept(t *testing.T, address string) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	p.listener = l
	p.all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			p.all.Go(func() { p.serve(conn) })
		}
	})
}

// refuse closes the door and everything behind it.
func (p *proxy) refuse() {
	_ = p.listener.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
}

func (p *proxy) serve(down net.Conn) {
	target, err := net.ResolveTCPAddr("tcp", p.target)
	if err != nil {
		_ = down.Close()
		return
	}
	up, err := net.DialTCP("tcp", nil, target)
	if err != nil {
		_ = down.Close()
		return
	}
	p.mu.Lock()
	p.conns[down], p.conns[up] = struct{}{}, struct{}{}
	p.mu.Unlock()
	cut := func() { _ = down.Close(); _ = up.Close() }
	p.all.Go(func() { _, _ = io.Copy(down, up); cut() })
	defer cut()
	buf := make([]byte, 64<<10)
	for {
		n, err := down.Read(buf)
		if err != nil {
			return
		}
		if cut := p.statement.Load(); cut != nil && strings.Contains(string(buf[:n]), *cut+"\x00") && p.statement.CompareAndSwap(cut, nil) {
			_ = down.Close() // first, so that no answer can slip through
			_, _ = up.Write(buf[:n])
			// Postgres reads the end of the stream only after it has worked off the statement.
			_ = up.CloseWrite()
			_, _ = io.Copy(io.Discard, up)
			return
		}
		if _, err := up.Write(buf[:n]); err != nil {
			return
		}
	}
}
