// Package fetcher reads an SQS queue, hands the messages to maskers, and deletes each one only after its verdict.
//
// It promises that a message leaves the queue only when it is in the table, or is known there already, or is not wanted,
// or has a copy in the dead-letter queue; that what it holds is bounded in bytes; and that trouble anywhere makes it
// hold and wait, not reject. It never parses a body, and has neither a mask key nor a database login.
package fetcher

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
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
)

// Ways to treat a message that can never become a row.
const (
	OnRejectDeadLetter    = "dead-letter"
	OnRejectRedrivePolicy = "redrive-policy"
	OnRejectDiscard       = "discard"
)

// Config is all that the fetcher is told.
type Config struct {
	Queue            string        `env:"MASKLINE_QUEUE" required:"true" help:"Queue to read: a name or a URL."`
	DeadLetterQueue  string        `env:"MASKLINE_DEAD_LETTER_QUEUE" help:"Where rejected messages go: a name or a URL. Empty: the one that the queue's redrive policy names."`
	OnReject         string        `env:"MASKLINE_ON_REJECT" default:"dead-letter" oneof:"dead-letter|redrive-policy|discard" help:"What becomes of a rejected message: a copy with the reason to the dead-letter queue; left to the queue's redrive policy; or deleted."`
	MaxMessages      int           `env:"MASKLINE_MAX_MESSAGES" default:"10" min:"1" max:"10" help:"Messages asked for per receive. Fewer costs more requests."`
	WaitTime         time.Duration `env:"MASKLINE_WAIT_TIME" default:"20s" min:"0s" max:"20s" help:"How long a receive waits for messages. Shorter costs more requests while idle."`
	KeepListening    bool          `env:"MASKLINE_KEEP_LISTENING" default:"true" help:"false: stop when the queue is drained, print the totals, exit 0."`
	Pollers          int           `env:"MASKLINE_POLLERS" default:"4" min:"1" max:"64" help:"Receives under way at a time, and as many deletes, but at least 8."`
	MaxInFlight      int           `env:"MASKLINE_MAX_IN_FLIGHT" default:"10000" min:"10" max:"100000" help:"Messages held at a time, from receive to delete. SQS allows 120,000 per queue."`
	MaxInFlightBytes config.Bytes  `env:"MASKLINE_MAX_IN_FLIGHT_BYTES" default:"128MiB" min:"1MiB" help:"Bytes of messages held at a time; a receive reserves what the largest messages could take."`
	MaskerAddress    []string      `env:"MASKLINE_MASKER_ADDRESS" default:"127.0.0.1:7002" help:"Maskers, host:port, comma separated; every address behind a host is used."`
	Listen           string        `env:"MASKLINE_LISTEN" default:"127.0.0.1:7001" help:"Address to serve health and status on."`
	ShutdownGrace    time.Duration `env:"MASKLINE_SHUTDOWN_GRACE" default:"30s" min:"1s" help:"Time to finish what is in flight after SIGTERM; at least the wait time + 10 s."`
	RejectBrake      int           `env:"MASKLINE_REJECT_BRAKE" default:"100" min:"0" help:"So many equal rejections in a row, with no commit between, pause the intake. 0: never."`
	Plaintext        bool          `env:"MASKLINE_PLAINTEXT" default:"false" help:"Allow unencrypted gRPC beyond this machine."`
	TLS              rpc.TLSFiles
	LogLevel         string `env:"MASKLINE_LOG_LEVEL" default:"info" oneof:"debug|info|warn|error" help:"Least severe log line shown."`
	LogFormat        string `env:"MASKLINE_LOG_FORMAT" default:"auto" oneof:"auto|text|json" help:"auto: text on a terminal, else json."`

	// DrainSettle is the pause between the two readings of a drained queue's counts, 5 s for SQS, whose counts lag; set
	// to 0 only for a queue whose counts are exact.
	DrainSettle time.Duration
}

// drainSlack is how much longer than the wait time a shutdown may need: running long polls are awaited.
const drainSlack = 10 * time.Second

// Validate checks what spans several settings.
func (c *Config) Validate() []config.Complaint {
	var all []config.Complaint
	if c.ShutdownGrace < c.WaitTime+drainSlack {
		all = append(all, config.Complaint{Key: "MASKLINE_SHUTDOWN_GRACE", Rule: fmt.Sprintf(
			"at least MASKLINE_WAIT_TIME + %s = %s: running long polls are awaited", drainSlack, c.WaitTime+drainSlack)})
	}
	all = append(all, rpc.CheckTargets("MASKLINE_MASKER_ADDRESS", c.MaskerAddress, c.Plaintext, c.TLS)...)
	if c.WaitTime%time.Second != 0 {
		all = append(all, config.Complaint{Key: "MASKLINE_WAIT_TIME", Rule: "whole seconds"})
	}
	if strings.HasSuffix(c.Queue, ".fifo") {
		all = append(all, config.Complaint{Key: "MASKLINE_QUEUE", Rule: fifoRule})
	}
	return all
}

const fifoRule = "FIFO queues are not supported: their order would need a design of its own"

// Deps are what a Fetcher uses but does not own.
type Deps struct {
	Logger *slog.Logger
	// Tracer defaults to the global provider.
	Tracer trace.TracerProvider
	// Meter defaults to the global provider.
	Meter metric.MeterProvider
	// Queue defaults to SQS by the standard AWS_* settings.
	Queue Queue
	// Version is shown in the status.
	Version string
}

// Fetcher is one fetcher process.
type Fetcher struct {
	cfg      Config
	log      *slog.Logger
	tracer   trace.Tracer
	queue    Queue
	server   *rpc.Server
	client   *relay.Client[*maskerv1.RawBatch]
	counters *telemetry.Counters
	exported *telemetry.Instruments
	metrics  metrics
	troubles *troubles
	version  string
	started  time.Time

	source Description // set before any worker starts

	mu        sync.Mutex
	table     *Table
	drained   Drained
	brake     *Brake
	pace      *Pace
	lastBatch uint64
	probing   bool // one frame may pass the brake
	described bool
	stopping  bool // no new receives
	stopped   bool // workers end
	// redelivered counts redeliveries by cause.
	redelivered map[Cause]uint64
	// What waits for work waits on one of these; all use mu.
	intake, forward, deletes, letters, quiet *sync.Cond
}

// New listens, but takes nothing from the queue before Run.
func New(cfg Config, deps Deps) (*Fetcher, error) {
	f := &Fetcher{cfg: cfg, log: deps.Logger, queue: deps.Queue, version: deps.Version, started: time.Now(), redelivered: map[Cause]uint64{}}
	if deps.Tracer == nil {
		deps.Tracer = otel.GetTracerProvider()
	}
	f.tracer = deps.Tracer.Tracer("github.com/maskline/maskline/services/fetcher")
	f.troubles = newTroubles(deps.Logger)
	f.counters = newCounters()
	f.exported = telemetry.NewInstruments(deps.Meter, telemetry.StageFetcher)
	f.metrics.make(f.exported)
	for _, cond := range []**sync.Cond{&f.intake, &f.forward, &f.deletes, &f.letters, &f.quiet} {
		*cond = sync.NewCond(&f.mu)
	}
	f.brake = NewBrake(cfg.RejectBrake)
	scouts := 1
	if !cfg.KeepListening { // drained is told by many empty polls, soon
		scouts = cfg.Pollers
	}
	f.pace = NewPace(scouts, cfg.Pollers)
	f.client = relay.NewClient(relay.ClientConfig[*maskerv1.RawBatch]{
		Targets: cfg.MaskerAddress,
		Dial: func(address, host string) (*grpc.ClientConn, error) {
			return rpc.Dial(address, rpc.DialConfig{Plaintext: cfg.Plaintext, TLS: cfg.TLS, ServerName: host})
		},
		Open:    openMask,
		Handler: f,
		Logger:  deps.Logger,
		RoundTrip: func(d time.Duration) {
			f.metrics.frameDuration.Record(context.Background(), d.Seconds())
		},
		Reconnected: func() { f.counters.Add(telemetry.CounterReconnects, 1) },
	})
	var err error
	f.server, err = rpc.NewServer(rpc.Config{Listen: cfg.Listen, Plaintext: cfg.Plaintext, TLS: cfg.TLS, Logger: deps.Logger})
	if err != nil {
		return nil, err
	}
	controlv1.RegisterControlServiceServer(f.server.Registrar(), rpc.NewStatus(f.Status))
	return f, nil
}

// Addr is where status and health are served.
func (f *Fetcher) Addr() string { return f.server.Addr() }

// Run works until ctx ends, then finishes what is in flight within the grace. It returns nil after a complete stop, and
// also when the queue is drained and the fetcher need not keep listening.
func (f *Fetcher) Run(ctx context.Context) error {
	life, cancel := context.WithCancel(context.WithoutCancel(ctx)) // workers outlive ctx by the grace
	defer cancel()
	if err := telemetry.Export(f.exported, f.counters, f.Status); err != nil {
		return err
	}
	defer f.exported.Close()
	var background sync.WaitGroup
	background.Go(func() { _ = f.server.Serve(life) })
	background.Go(func() { f.client.Run(life) })
	background.Go(func() { f.counters.Run(life) })
	defer background.Wait()
	defer cancel()
	defer f.server.Stop(life)

	working, stopWorking := context.WithCancelCause(ctx)
	defer stopWorking(nil)
	background.Go(func() { f.watch(life, stopWorking) })
	if err := f.describe(working); err != nil {
		return f.ended(working, err)
	}
	var pollers, workers sync.WaitGroup
	for range f.cfg.Pollers {
		pollers.Go(func() { f.poll(working, life, stopWorking) })
	}
	workers.Go(func() { f.forwardFrames(life) })
	for range deleters(f.cfg.Pollers) {
		workers.Go(func() { f.deleteSettled(life) })
	}
	workers.Go(func() { f.sendLetters(life) })
	workers.Go(func() { f.extendVisibility(life) })
	background.Go(func() { f.watchDepth(life) })

	<-working.Done()
	f.stop(life, &pollers, &workers)
	return f.ended(working, nil)
}

// errDrained ends a fetcher that need not keep listening.
var errDrained = errors.New("drained")

// ended is what Run returns: our own reason to stop, if there was one, else err.
func (f *Fetcher) ended(working context.Context, err error) error {
	switch cause := context.Cause(working); {
	case errors.Is(cause, errDrained), errors.Is(err, context.Canceled):
		return nil
	case lifecycle.HasCode(cause):
		return cause
	}
	return err
}

// stop is the shutdown after "not ready": 1. no new receive, running long polls are awaited; 2. what was never sent
// downstream goes back to the queue; 3. what is in flight is finished within the grace; 4. streams are closed.
func (f *Fetcher) stop(life context.Context, pollers, workers *sync.WaitGroup) {
	grace, cancel := context.WithTimeout(life, f.cfg.ShutdownGrace)
	defer cancel()
	f.server.SetServing("", false)
	f.mu.Lock()
	f.stopping = true
	f.intake.Broadcast()
	f.mu.Unlock()
	f.release(grace)
	pollers.Wait() // bounded by the wait time + callTimeout, and so by the grace
	f.release(grace)
	wake := context.AfterFunc(grace, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.quiet.Broadcast()
	})
	defer wake()
	f.mu.Lock()
	for grace.Err() == nil {
		if n, _ := f.table.InFlight(); n == 0 {
			break
		}
		f.quiet.Wait()
	}
	left, _ := f.table.InFlight()
	f.mu.Unlock()
	if left > 0 {
		f.log.WarnContext(life, "grace over: these messages come back when their visibility timeout ends, and are found duplicates if they were written", telemetry.KeyMessages, left)
	}
	if err := f.client.Shutdown(grace); err != nil {
		f.log.DebugContext(life, "streams cut", telemetry.KeyCause, err)
	}
	f.mu.Lock()
	f.stopped = true
	for _, c := range []*sync.Cond{f.intake, f.forward, f.deletes, f.letters, f.quiet} {
		c.Broadcast()
	}
	f.mu.Unlock()
	workers.Wait()
}
