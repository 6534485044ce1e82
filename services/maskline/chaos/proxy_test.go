package chaos

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// echo answers every connection with what it says.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.Copy(c, c)
			}()
		}
	}()
	return l.Addr().String()
}

func through(t *testing.T) (*proxy, net.Conn) {
	t.Helper()
	p, err := newProxy(echo(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	c, err := net.Dial("tcp", p.address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return p, c
}

func say(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := c.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

func hear(t *testing.T, c net.Conn, want string, within time.Duration) error {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(within))
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c, got); err != nil {
		return err
	}
	if string(got) != want {
		t.Fatalf("heard %q, want %q", got, want)
	}
	return nil
}

func TestProxy_APartitionHoldsBytesAndConnectionsAndDeliversThemAfterwards(t *testing.T) {
	t.Parallel()
	p, c := through(t)
	say(t, c, "one")
	if err := hear(t, c, "one", time.Minute); err != nil {
		t.Fatal(err)
	}
	p.partition()
	say(t, c, "two")
	young, err := net.Dial("tcp", p.address())
	if err != nil {
		t.Fatal(err)
	}
	defer young.Close()
	say(t, young, "three")
	for _, conn := range []net.Conn{c, young} {
		if err := hear(t, conn, "x", 50*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("heard something during a partition, or %v", err)
		}
	}
	p.heal()
	if err := errors.Join(hear(t, c, "two", time.Minute), hear(t, young, "three", time.Minute)); err != nil {
		t.Error(err)
	}
}

func TestProxy_ResetEndsConnectionsAndNewOnesPass(t *testing.T) {
	t.Parallel()
	p, c := through(t)
	say(t, c, "one")
	if err := hear(t, c, "one", time.Minute); err != nil {
		t.Fatal(err)
	}
	if n := p.reset(); n != 1 {
		t.Errorf("%d connections reset, want 1", n)
	}
	if err := hear(t, c, "x", time.Minute); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the connection lives: %v", err)
	}
	young, err := net.Dial("tcp", p.address())
	if err != nil {
		t.Fatal(err)
	}
	defer young.Close()
	say(t, young, "two")
	if err := hear(t, young, "two", time.Minute); err != nil {
		t.Error(err)
	}
}

func TestProxy_LatencyDelaysBothDirections(t *testing.T) {
	t.Parallel()
	p, c := through(t)
	p.slow(40 * time.Millisecond)
	began := time.Now()
	say(t, c, "one")
	if err := hear(t, c, "one", time.Minute); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < 80*time.Millisecond {
		t.Errorf("there and back in %s", took)
	}
}
