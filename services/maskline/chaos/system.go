package chaos

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/maskline/maskline/pkg/local/postgres"
	"github.com/maskline/maskline/pkg/local/queue"
	"github.com/maskline/maskline/services/maskline/oracle"
	"github.com/maskline/maskline/services/writer"
)

const (
	source      = "logins"
	deadLetters = "logins-dlq"
)

// options say how a system differs from the usual one.
type options struct {
	// visibility is the queue's timeout in seconds. Default 5.
	visibility int
	// maxReceives is the redrive policy's. Default 100.
	maxReceives int
	queue       queue.Options
	// replicas of each stage. Default 1.
	replicas map[string]int
	// env is added to that of a stage's processes.
	env map[string][]string
	// each is asked at every start of a process.
	each func(stage string) []string
	// proxied puts a proxy into every hop.
	proxied bool
	// postgres says how the database is run, and sql what is done to it after its table was made.
	postgres postgres.Options
	sql      string
	// afterStart is called when Postgres runs and its table is there.
	afterStart func(ctx context.Context, s *System) error
}

// System is a queue, a database and the processes between them.
type System struct {
	run   *Run
	dir   string
	queue *queue.Server
	pg    *postgres.Cluster
	book  *book

	processes map[string][]*Process
	logs      []*os.File
	// The proxies, if there are any, by the hop that they are in.
	hops map[string]*proxy
	// disk is what the table is on, in a scenario that fills it.
	disk *disk
}

// The hops.
const (
	hopQueue    = "queue-fetcher"
	hopMasker   = "fetcher-masker"
	hopWriter   = "masker-writer"
	hopDatabase = "writer-postgres"
)

// start makes a system whose programs do not run yet. It is closed when the scenario ends.
func (r *Run) start(ctx context.Context, o options) (_ *System, err error) {
	s := &System{run: r, processes: map[string][]*Process{}, hops: map[string]*proxy{}}
	r.mu.Lock()
	r.systems = append(r.systems, s)
	r.mu.Unlock()
	if s.dir, err = os.MkdirTemp(r.kit.dir, "system-"); err != nil {
		return nil, err
	}
	know, err := oracle.New("login", r.kit.keyText)
	if err != nil {
		return nil, err
	}
	s.book = &book{oracle: know}
	if s.pg, err = postgres.Start(ctx, o.postgres); err != nil {
		return nil, err
	}
	if err := writer.Migrate(ctx, s.pg.DSN(), writer.MigrateOptions{Apply: true}, &bytes.Buffer{}); err != nil {
		return nil, err
	}
	if o.sql != "" {
		if err := s.exec(ctx, o.sql); err != nil {
			return nil, err
		}
	}
	if o.afterStart != nil {
		if err := o.afterStart(ctx, s); err != nil {
			return nil, err
		}
	}
	if err := s.makeQueues(o); err != nil {
		return nil, err
	}
	err = s.makeProcesses(o)
	return s, err
}

func (s *System) makeQueues(o options) error {
	if o.visibility == 0 {
		o.visibility = 5
	}
	if o.maxReceives == 0 {
		o.maxReceives = 100
	}
	s.queue = queue.New(o.queue)
	if _, err := s.queue.Listen(""); err != nil {
		return err
	}
	if err := s.queue.CreateQueue(deadLetters, nil); err != nil {
		return err
	}
	return s.queue.CreateQueue(source, map[string]string{
		"VisibilityTimeout": strconv.Itoa(o.visibility),
		"RedrivePolicy":     fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":"%d"}`, s.queue.ARN(deadLetters), o.maxReceives),
	})
}

// hop is the address to reach target by: through a proxy if the system has them.
func (s *System) hop(o options, name, target string) (string, error) {
	if !o.proxied {
		return target, nil
	}
	p, err := newProxy(target)
	if err != nil {
		return "", err
	}
	s.hops[name+" "+target] = p
	return p.address(), nil
}

// proxies are those of a hop.
func (s *System) proxies(hop string) (all []*proxy) {
	for name, p := range s.hops {
		if strings.HasPrefix(name, hop+" ") {
			all = append(all, p)
		}
	}
	return all
}

func (s *System) makeProcesses(o options) error {
	database, err := s.hop(o, hopDatabase, "127.0.0.1:"+strconv.Itoa(s.pg.Port()))
	if err != nil {
		return err
	}
	endpoint := strings.TrimPrefix(s.queue.Endpoint(), "http://")
	through, err := s.hop(o, hopQueue, endpoint)
	if err != nil {
		return err
	}
	dsn := strings.Replace(s.pg.DSN(), "127.0.0.1:"+strconv.Itoa(s.pg.Port()), database, 1)
	writers, err := s.addStage(o, stageWriter, hopWriter, "DATABASE_URL="+dsn)
	if err != nil {
		return err
	}
	maskers, err := s.addStage(o, stageMasker, hopMasker, "MASKLINE_KEY_FILE="+s.run.kit.key, "MASKLINE_WRITER_ADDRESS="+writers)
	if err != nil {
		return err
	}
	_, err = s.addStage(o, stageFetcher, "", "MASKLINE_QUEUE="+strings.Replace(s.queue.URL(source), endpoint, through, 1),
		"MASKLINE_WAIT_TIME=1s", "MASKLINE_MASKER_ADDRESS="+maskers)
	return err
}

// addStage makes a stage's processes and returns the addresses that the stage before sends to.
func (s *System) addStage(o options, stage, hop string, env ...string) (addresses string, err error) {
	var all []string
	for i := range max(o.replicas[stage], 1) {
		address, err := freeAddress()
		if err != nil {
			return "", err
		}
		log, err := os.Create(filepath.Join(s.dir, fmt.Sprintf("%s-%d.log", stage, i+1)))
		if err != nil {
			return "", err
		}
		s.logs = append(s.logs, log)
		fixed := append([]string{"MASKLINE_LISTEN=" + address, "MASKLINE_LOG_FORMAT=json"}, append(env, o.env[stage]...)...)
		s.processes[stage] = append(s.processes[stage], &Process{
			stage: stage, program: s.run.kit.program(stage), address: address, log: log,
			env: func() []string {
				if o.each == nil {
					return fixed
				}
				return append(slices.Clip(fixed), o.each(stage)...)
			},
		})
		if hop != "" {
			if address, err = s.hop(o, hop, address); err != nil {
				return "", err
			}
		}
		all = append(all, address)
	}
	return strings.Join(all, ","), nil
}

// freeAddress is on loopback, below the ports that the kernel gives to connections: one of those could take the place
// of a process that is down for a moment.
func freeAddress() (string, error) {
	for range 100 {
		address := "127.0.0.1:" + strconv.Itoa(20_000+rand.IntN(12_000))
		if l, err := net.Listen("tcp", address); err == nil {
			return address, l.Close()
		}
	}
	return "", errors.New("no free port between 20000 and 32000")
}

// all lists the processes in the order of the data.
func (s *System) all() (all []*Process) {
	for _, stage := range stages {
		all = append(all, s.processes[stage]...)
	}
	return all
}

// one is the first process of a stage.
func (s *System) one(stage string) *Process { return s.processes[stage][0] }

// runAll starts every process and waits until all are ready.
func (s *System) runAll(ctx context.Context) error {
	for _, p := range s.all() {
		p.run()
	}
	for _, p := range s.all() {
		if err := p.ready(ctx); err != nil {
			return err
		}
	}
	return nil
}

// left is how many messages the source holds, seen or not.
func (s *System) left() int {
	visible, hidden, delayed := s.queue.Counts(source)
	return visible + hidden + delayed
}

// drained waits until the source is empty.
func (s *System) drained(ctx context.Context, within time.Duration) error {
	return until(ctx, within, "the queue is empty", func() bool { return s.left() == 0 })
}

// connect opens a connection of the scenario's own, past every proxy.
func (s *System) connect(ctx context.Context) (*pgx.Conn, error) {
	cfg, err := pgx.ParseConfig(s.pg.DSN())
	if err != nil {
		return nil, err
	}
	cfg.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	// Whatever a scenario makes the default, this reader may look and mend.
	cfg.ConnectTimeout = 5 * time.Second
	return pgx.ConnectConfig(ctx, cfg)
}

func (s *System) exec(ctx context.Context, sql string) error {
	conn, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	_, err = conn.Exec(ctx, sql)
	return err
}

// rows counts the table; -1 if it cannot be read at the moment.
func (s *System) rows(ctx context.Context) int {
	n := -1
	if conn, err := s.connect(ctx); err == nil {
		if conn.QueryRow(ctx, "SELECT count(*) FROM user_logins").Scan(&n) != nil {
			n = -1
		}
		_ = conn.Close(ctx)
	}
	return n
}

// stopAll ends the processes in the order of the data and counts those that did not exit with 0.
func (s *System) stopAll() (unclean int) {
	for _, p := range s.all() {
		if !p.stop(true) {
			unclean++
		}
	}
	return unclean
}

// close ends everything at once. A second call does nothing.
func (s *System) close() error {
	for _, p := range s.all() {
		p.stop(false)
	}
	for _, p := range s.hops {
		p.close()
	}
	for _, l := range s.logs {
		_ = l.Close()
	}
	s.logs = nil
	var errs []error
	if s.queue != nil {
		errs = append(errs, s.queue.Close())
	}
	if s.pg != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		errs = append(errs, s.pg.Stop(ctx))
	}
	if s.disk != nil {
		errs = append(errs, s.disk.close())
		s.disk = nil
	}
	return errors.Join(errs...)
}

// hit signals the process and notes it as a fault, with what the process held in the moment before.
func (s *System) hit(ctx context.Context, p *Process, with syscall.Signal) Fault {
	f := Fault{What: words(with), Stage: p.stage, InFlight: p.holds(ctx)}
	f.PID = p.signal(with)
	s.run.fault(f)
	return f
}

func words(s syscall.Signal) string {
	switch s {
	case syscall.SIGKILL:
		return "kill -9"
	case syscall.SIGTERM:
		return "SIGTERM"
	case syscall.SIGSTOP:
		return "SIGSTOP"
	default:
		return s.String()
	}
}
