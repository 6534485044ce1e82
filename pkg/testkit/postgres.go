package testkit

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/maskline/maskline/pkg/local/postgres"
)

const (
	startPatience = time.Minute
	stopPatience  = 20 * time.Second
)

// postgresCluster is the one mutable global of ours: a cluster costs two seconds, and tests cannot hand each other one.
var postgresCluster shared

// shared is a cluster that the first test to ask for starts.
type shared struct {
	mu      sync.Mutex
	enabled bool
	asked   bool
	cluster *postgres.Cluster
	err     error
}

// Postgres gives the DSN of a real Postgres that all tests of this process share: make a database or a schema of your
// own in it. The first call starts it, in about two seconds; Main stops it. It takes 300 connections, and is as durable
// as the default.
func Postgres(tb testing.TB) (dsn string) {
	tb.Helper()
	cluster, err := postgresCluster.get()
	if err != nil {
		tb.Fatalf("postgres for tests: %v", err)
	}
	return cluster.DSN()
}

// enable says that somebody will call stop.
func (s *shared) enable() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.enabled = true
}

// get starts the cluster once. One that could not be started stays so: each further test would lose a minute.
func (s *shared) get() (*postgres.Cluster, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.enabled {
		return nil, errors.New("this package needs func TestMain(m *testing.M) { testkit.Main(m) }, which stops it")
	}
	if !s.asked {
		s.asked = true
		ctx, cancel := context.WithTimeout(context.Background(), startPatience)
		defer cancel()
		s.cluster, s.err = postgres.Start(ctx, postgres.Options{Settings: map[string]string{"max_connections": "300"}})
	}
	return s.cluster, s.err
}

// stop stops the cluster if there is one.
func (s *shared) stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cluster == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopPatience)
	defer cancel()
	err := s.cluster.Stop(ctx)
	s.cluster, s.asked, s.enabled = nil, false, false
	return err
}
