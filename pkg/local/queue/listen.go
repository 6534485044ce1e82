package queue

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// listening is the server's own socket, if Listen was called.
type listening struct {
	mu       sync.Mutex
	endpoint string
	server   *http.Server
	cancel   context.CancelFunc
	served   chan struct{}
}

// Listen serves on addr and returns the endpoint, "http://host:port". Empty means a free port on loopback. There is no
// authentication: keep it on loopback or in a private network. It may be called once.
func (s *Server) Listen(addr string) (string, error) {
	l := &s.listening
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.server != nil {
		return "", errors.New("queue: listens already")
	}
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", addr)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel = cancel
	l.endpoint = "http://" + listener.Addr().String()
	l.served = make(chan struct{})
	l.server = &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ErrorLog:          slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
	}
	server, served := l.server, l.served
	go func() {
		defer close(served)
		_ = server.Serve(listener) // always an error: closed
	}()
	return l.endpoint, nil
}

// Close ends long polls and connections and returns when the last handler has. The queues stay readable.
func (s *Server) Close() error {
	l := &s.listening
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.server == nil {
		return nil
	}
	l.cancel()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := l.server.Shutdown(ctx); err != nil {
		// A connection that never sent a request keeps Shutdown waiting: cut it.
		_ = l.server.Close()
	}
	<-l.served
	return nil
}

// Endpoint is what clients take for AWS_ENDPOINT_URL_SQS; empty before Listen.
func (s *Server) Endpoint() string {
	s.listening.mu.Lock()
	defer s.listening.mu.Unlock()
	return s.listening.endpoint
}

// URL is a queue's URL, whether the queue exists or not.
func (s *Server) URL(name string) string {
	endpoint := s.Endpoint()
	if endpoint == "" {
		endpoint = "http://localhost"
	}
	return endpoint + "/" + accountID + "/" + name
}
