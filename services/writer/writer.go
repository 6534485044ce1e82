// Package writer writes masked rows to Postgres, each event id exactly once. It is the only holder of the database
// login.
//
// It promises that a row counts as committed or duplicate only after COMMIT returned on a connection that waits for the
// disk, that one bad row never costs its neighbors their place, and that trouble of the database is never taken for a
// fault of a row. It never sees a raw value of a masked field, and never writes a value into a log, an error or a span.
package writer

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/maskline/maskline/pkg/lifecycle"
	"github.com/maskline/maskline/pkg/relay"
	"github.com/maskline/maskline/pkg/rpc"
	"github.com/maskline/maskline/pkg/telemetry"
	controlv1 "github.com/maskline/maskline/proto/gen/maskline/control/v1"
	writerv1 "github.com/maskline/maskline/proto/gen/maskline/writer/v1"
)

// Deps are what a Writer uses but does not own.
type Deps struct {
	// Logger takes life events and trouble. Default: nothing is logged.
	Logger *slog.Logger
	// Tracer defaults to the global provider.
	Tracer trace.TracerProvider
	// Meter defaults to the global provider.
	Meter metric.MeterProvider
	// Version is shown in the status.
	Version string
}

// Writer is one writer process.
type Writer struct {
	cfg       Config
	log       *slog.Logger
	tracer    trace.Tracer
	database  *database
	inspector *inspector
	intake    *intake
	health    *health
	telling   sync.Mutex
	counters  *telemetry.Counters
	exported  *telemetry.Instruments
	metrics   *metrics
	pool      pool
	relay     *relay.Server
	server    *rpc.Server
	streams   streams
	version   string
	started   time.Time
	draining  chan struct{}
}

// New checks the configuration and listens, but connects to nothing and serves nothing before Run.
func New(cfg Config, deps Deps) (*Writer, error) {
	if deps.Logger == nil {
		deps.Logger = slog.New(slog.DiscardHandler)
	}
	if deps.Tracer == nil {
		deps.Tracer = otel.GetTracerProvider()
	}
	db, err := newDatabase(cfg.DatabaseURL.Reveal(), deps.Logger)
	if err != nil {
		return nil, lifecycle.Exit(lifecycle.ExitUsage, err)
	}
	w := &Writer{
		cfg: cfg, log: deps.Logger, version: deps.Version, started: time.Now(),
		tracer:   deps.Tracer.Tracer("github.com/maskline/maskline/services/writer"),
		database: db, inspector: newInspector(db), intake: newIntake(), counters: newCounters(),
		draining: make(chan struct{}), exported: telemetry.NewInstruments(deps.Meter, telemetry.StageWriter), pool: make(pool, cfg.Connections),
	}
	w.metrics = newMetrics(w.exported)
	w.pool.observe(w.exported)
	w.health = newHealth(deps.Logger, w.changed)
	w.relay = relay.NewServer(relay.ServerConfig{Limit: int64(cfg.MaxInFlightBytes), State: w.health.state})
	w.server, err = rpc.NewServer(rpc.Config{Listen: cfg.Listen, Plaintext: cfg.Plaintext, TLS: cfg.TLS, Logger: deps.Logger})
	if err != nil {
		return nil, err
	}
	writerv1.RegisterWriterServiceServer(w.server.Registrar(), &service{writer: w})
	controlv1.RegisterControlServiceServer(w.server.Registrar(), rpc.NewStatus(w.Status))
	return w, nil
}

// Addr is where maskers are served.
func (w *Writer) Addr() string { return w.server.Addr() }

// Run writes until ctx ends, then stops as services/writer/README.md lists. Its error says that serving was not
// possible, or that the grace was too short.
func (w *Writer) Run(ctx context.Context) error {
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	err := telemetry.Export(w.exported, w.counters, w.Status)
	if err != nil {
		return err
	}
	defer w.exported.Close()

	var background, committers sync.WaitGroup
	defer background.Wait()
	defer cancel()
	watching, stopWatching := context.WithCancel(life)
	defer stopWatching()
	background.Go(func() { w.counters.Run(life) })
	background.Go(func() {
		w.inspector.watch(watching, w.cfg.Tables, w.health)
		w.inspector.close()
	})
	for i := range w.cfg.Connections {
		committers.Go(func() { w.committer(i + 1).run(life) })
	}
	defer context.AfterFunc(life, w.intake.abort)()
	served := make(chan error, 1)
	background.Go(func() { served <- w.server.Serve(life) })

	select {
	case <-ctx.Done():
	case err = <-served:
	}
	grace, done := context.WithTimeout(life, w.cfg.ShutdownGrace)
	defer done()
	if left := w.drain(grace, &committers); left != nil && err == nil {
		err = left
	}
	// Before life ends: that cuts streams whose last settlement may still be on its way.
	w.server.Stop(grace)
	cancel()
	committers.Wait()
	return err
}

// drain finishes what the streams have sent. The committers hold their groups until the grace is over.
func (w *Writer) drain(grace context.Context, committers *sync.WaitGroup) error {
	w.health.stop()
	close(w.draining)
	w.relay.Drain()
	if w.relay.Wait(grace) != nil {
		w.log.WarnContext(grace, "grace over: streams are cut")
	}
	w.intake.close()
	// What streams left behind when they broke is committed too.
	finished := make(chan struct{})
	go func() { committers.Wait(); close(finished) }()
	select {
	case <-finished:
	case <-grace.Done():
	}
	if records, _, _ := w.intake.load(); records > 0 {
		return fmt.Errorf("grace of %s is over: %d records are without a verdict; maskers send them again",
			w.cfg.ShutdownGrace, records)
	}
	return nil
}

func (w *Writer) committer(number int) *committer {
	return &committer{
		name: fmt.Sprintf("connection %d", number), database: w.database, intake: w.intake, health: w.health,
		counters: w.counters, metrics: w.metrics, use: &w.pool[number-1], tracer: w.tracer, log: w.log, maxRows: w.cfg.CommitMaxRows,
	}
}

// changed tells streams and health checks what health says now. One at a time, so that the last word is the latest.
func (w *Writer) changed() {
	w.telling.Lock()
	defer w.telling.Unlock()
	ready, _ := w.health.status()
	w.server.SetServing("", ready)
	w.server.SetServing(writerv1.WriterService_ServiceDesc.ServiceName, ready)
	w.relay.Announce()
}
