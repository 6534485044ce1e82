// Package masker masks raw events and passes the rows on to writers. It is the only holder of the mask keys.
//
// It promises that a row leaves it only when every rule of the mapping held, that one bad record never fails its batch,
// and that every batch it takes is answered, with verdicts or by handing it back. It never logs a value, never keeps a
// body after masking it, and has a login to nothing.
package masker

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"

	"github.com/maskline/maskline/pkg/config"
	"github.com/maskline/maskline/pkg/lifecycle"
	"github.com/maskline/maskline/pkg/relay"
	"github.com/maskline/maskline/pkg/rpc"
	"github.com/maskline/maskline/pkg/telemetry"
	controlv1 "github.com/maskline/maskline/proto/gen/maskline/control/v1"
	maskerv1 "github.com/maskline/maskline/proto/gen/maskline/masker/v1"
	relayv1 "github.com/maskline/maskline/proto/gen/maskline/relay/v1"
	writerv1 "github.com/maskline/maskline/proto/gen/maskline/writer/v1"
	"github.com/maskline/maskline/services/masker/keys"
	"github.com/maskline/maskline/services/masker/mapping"
	"github.com/maskline/maskline/services/masker/mappings"
)

// Config is all that the masker is told.
type Config struct {
	Mapping          string        `env:"MASKLINE_MAPPING" default:"login" help:"Mapping file, or the name of a built-in one: login, login-joinable, login-original."`
	KeyFile          string        `env:"MASKLINE_KEY_FILE" help:"Keyset for keyed masks, mode 0440 or less; made by: maskline keys create."`
	WriterAddress    []string      `env:"MASKLINE_WRITER_ADDRESS" default:"127.0.0.1:7003" help:"Writers, host:port, comma separated; every address behind a host is used."`
	Listen           string        `env:"MASKLINE_LISTEN" default:"127.0.0.1:7002" help:"Address to serve fetchers, health and status on."`
	MaxInFlightBytes config.Bytes  `env:"MASKLINE_MAX_IN_FLIGHT_BYTES" default:"64MiB" min:"8MiB" help:"Bytes of raw batches held at a time; each fetcher is granted 4 MiB of it."`
	ShutdownGrace    time.Duration `env:"MASKLINE_SHUTDOWN_GRACE" default:"30s" min:"1s" help:"Time to finish what is in flight after SIGTERM."`
	Preview          bool          `env:"MASKLINE_PREVIEW" default:"false" help:"Answer Preview calls. Who may call Preview can try values and compare masks."`
	Plaintext        bool          `env:"MASKLINE_PLAINTEXT" default:"false" help:"Allow unencrypted gRPC beyond this machine."`
	TLS              rpc.TLSFiles
	LogLevel         string `env:"MASKLINE_LOG_LEVEL" default:"info" oneof:"debug|info|warn|error" help:"Least severe log line shown."`
	LogFormat        string `env:"MASKLINE_LOG_FORMAT" default:"auto" oneof:"auto|text|json" help:"auto: text on a terminal, else json."`
}

// Validate implements config.Validator.
func (c *Config) Validate() []config.Complaint {
	return rpc.CheckTargets("MASKLINE_WRITER_ADDRESS", c.WriterAddress, c.Plaintext, c.TLS)
}

// LoadProgram reads the mapping and the keys that a configuration names. Its errors name the file and the line.
func LoadProgram(mappingName, keyFile string) (*mapping.Program, *keys.Keyset, error) {
	source, builtIn := mappings.Source(mappingName)
	if !builtIn {
		var err error
		if source, err = os.ReadFile(mappingName); err != nil {
			return nil, nil, fmt.Errorf("MASKLINE_MAPPING: %w", err)
		}
	}
	m, err := mapping.Parse(mappingName, source)
	if err != nil {
		return nil, nil, err
	}
	var set *keys.Keyset
	if keyFile != "" {
		if set, err = keys.Load(keyFile); err != nil {
			return nil, nil, fmt.Errorf("MASKLINE_KEY_FILE: %w", err)
		}
	} else if m.NeedsKey() {
		return nil, nil, fmt.Errorf("MASKLINE_KEY_FILE: required, for mapping %s has keyed masks; make one with: maskline keys create", mappingName)
	}
	p, err := mapping.Compile(m, set)
	return p, set, err
}

// Deps are what a Masker uses but does not own.
type Deps struct {
	Logger *slog.Logger
	// Tracer defaults to the global provider.
	Tracer trace.TracerProvider
	// Meter defaults to the global provider.
	Meter metric.MeterProvider
	// Version is shown in the status.
	Version string
}

// Masker is one masker process.
type Masker struct {
	maskerv1.UnimplementedMaskerServiceServer

	cfg      Config
	log      *slog.Logger
	tracer   trace.Tracer
	program  *mapping.Program
	schema   *writerv1.Schema
	server   *rpc.Server
	streams  *relay.Server
	writers  *relay.Client[*writerv1.MaskedBatch]
	counters *telemetry.Counters
	exported *telemetry.Instruments
	metrics  metrics
	version  string
	started  time.Time
	keyCheck map[string]string
	jobs     chan job

	mu        sync.Mutex
	ledger    *Ledger
	lastBatch uint64
	ready     bool
	stopping  bool
	changed   chan struct{} // closed and replaced when a writer may take more
}

// New reads mapping and keys and listens, but serves nothing before Run.
func New(cfg Config, deps Deps) (*Masker, error) {
	program, set, err := LoadProgram(cfg.Mapping, cfg.KeyFile)
	if err != nil {
		return nil, lifecycle.Exit(lifecycle.ExitUsage, err)
	}
	if deps.Tracer == nil {
		deps.Tracer = otel.GetTracerProvider()
	}
	m := &Masker{
		cfg: cfg, log: deps.Logger, program: program, schema: program.Mapping().Schema(), version: deps.Version, started: time.Now(),
		tracer:   deps.Tracer.Tracer("github.com/maskline/maskline/services/masker"),
		counters: newCounters(),
		jobs:     make(chan job),
		ledger:   NewLedger(),
		changed:  make(chan struct{}),
		keyCheck: map[string]string{},
	}
	m.exported = telemetry.NewInstruments(deps.Meter, telemetry.StageMasker)
	m.metrics = newMetrics(m.exported)
	if set != nil {
		id, check := set.CheckValue()
		m.keyCheck[id] = check
	}
	for _, warning := range program.Mapping().Warnings() {
		m.log.Warn("weak mapping", telemetry.KeyMapping, cfg.Mapping, telemetry.KeyWarning, warning)
	}
	m.streams = relay.NewServer(relay.ServerConfig{Limit: int64(cfg.MaxInFlightBytes), State: m.state})
	m.writers = relay.NewClient(relay.ClientConfig[*writerv1.MaskedBatch]{
		Targets: cfg.WriterAddress,
		Dial: func(address, host string) (*grpc.ClientConn, error) {
			return rpc.Dial(address, rpc.DialConfig{Plaintext: cfg.Plaintext, TLS: cfg.TLS, ServerName: host})
		},
		Open:    m.openWrite,
		Handler: m,
		Logger:  deps.Logger,
		RoundTrip: func(d time.Duration) {
			m.metrics.frameDuration.Record(context.Background(), d.Seconds())
		},
		Reconnected: func() { m.counters.Add(telemetry.CounterReconnects, 1) },
	})
	if m.server, err = rpc.NewServer(rpc.Config{Listen: cfg.Listen, Plaintext: cfg.Plaintext, TLS: cfg.TLS, Logger: deps.Logger}); err != nil {
		return nil, err
	}
	maskerv1.RegisterMaskerServiceServer(m.server.Registrar(), m)
	controlv1.RegisterControlServiceServer(m.server.Registrar(), rpc.NewStatus(m.Status))
	return m, nil
}

// Addr is where fetchers are served.
func (m *Masker) Addr() string { return m.server.Addr() }

// Run serves until ctx ends, then stops in this order: 1. not ready; 2. fetchers are asked to send no more; 3. what is
// in flight is finished within the grace; 4. the streams to the writers are closed.
func (m *Masker) Run(ctx context.Context) error {
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	err := telemetry.Export(m.exported, m.counters, m.Status)
	if err != nil {
		return err
	}
	defer m.exported.Close()
	var background sync.WaitGroup
	background.Go(func() { m.writers.Run(life) })
	background.Go(func() { m.counters.Run(life) })
	background.Go(func() { m.watch(life) })
	for range runtime.GOMAXPROCS(0) {
		background.Go(func() { m.work(life) })
	}
	served := make(chan error, 1)
	background.Go(func() { served <- m.server.Serve(life) })
	defer background.Wait()
	defer cancel()

	select {
	case <-ctx.Done():
	case err = <-served:
	}
	grace, done := context.WithTimeout(life, m.cfg.ShutdownGrace)
	defer done()
	m.mu.Lock()
	m.stopping = true
	m.mu.Unlock()
	m.setServing(false)
	m.streams.Drain()
	if left := m.streams.Wait(grace); left != nil {
		m.log.WarnContext(ctx, "grace over: the fetchers send these records again", telemetry.KeyRecords, m.streams.InFlight().Records)
	}
	if cut := m.writers.Shutdown(grace); cut != nil {
		m.log.DebugContext(ctx, "streams cut", telemetry.KeyCause, cut)
	}
	m.server.Stop(grace)
	return err
}

// state is what heartbeats tell the fetchers.
func (m *Masker) state() (relayv1.State, string) {
	if ready, reason := m.writers.Ready(); !ready {
		return relayv1.State_STATE_WAITING_FOR_DOWNSTREAM, "writer " + reason
	}
	return relayv1.State_STATE_WORKING, ""
}

func (m *Masker) setServing(ok bool) {
	m.server.SetServing("", ok)
	m.server.SetServing(maskerv1.MaskerService_ServiceDesc.ServiceName, ok)
}
