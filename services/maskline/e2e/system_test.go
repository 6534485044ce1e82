package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/maskline/maskline/pkg/config"
	"github.com/maskline/maskline/pkg/local/queue"
	"github.com/maskline/maskline/pkg/telemetry"
	"github.com/maskline/maskline/pkg/testkit"
	"github.com/maskline/maskline/services/fetcher"
	"github.com/maskline/maskline/services/masker"
	"github.com/maskline/maskline/services/writer"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const (
	source      = "logins"
	deadLetters = "logins-dlq"
	testKey     = `{"version":1,"keys":[{"id":"k1","state":"primary","secret":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}]}`
	patience    = 3 * time.Minute // what takes seconds alone takes a minute beside other tests under the race detector
)

// system is a queue, a database of its own, and as many of each service as a test wants.
type system struct {
	queue  *queue.Server
	db     *pgx.Conn
	dsn    string
	logs   *logBuffer
	tracer trace.TracerProvider
	meter  metric.MeterProvider
	key    string

	writers  []*service[*writer.Writer]
	maskers  []*service[*masker.Masker]
	fetchers []*service[*fetcher.Fetcher]
}

// service is one running service.
type service[T any] struct {
	is   T
	addr string
	stop context.CancelFunc
	done chan struct{}
	err  error
}

func (s *service[T]) end(t *testing.T) {
	t.Helper()
	s.stop()
	<-s.done
	if s.err != nil {
		t.Errorf("stopped with %v", s.err)
	}
}

type options struct {
	queue                     queue.Options
	visibility                int // seconds; 0 means 30
	fetchers, maskers, writer int // 0 means one
	tracer                    trace.TracerProvider
	meter                     metric.MeterProvider
	fetcher                   func(*fetcher.Config)
	sql                       string // run before anything else
	noTable                   bool
	none                      bool // no services at all
}

// start makes a system; everything is stopped when the test ends.
func start(t *testing.T, o options) *system {
	t.Helper()
	s := &system{queue: queue.New(o.queue), logs: &logBuffer{}, tracer: o.tracer, meter: o.meter, key: filepath.Join(t.TempDir(), "key.json")}
	if err := os.WriteFile(s.key, []byte(testKey), 0o400); err != nil {
		t.Fatal(err)
	}
	s.openDatabase(t, o)
	if _, err := s.queue.Listen(""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.queue.Close() })
	s.createQueues(t, o.visibility)
	if o.none {
		return s
	}
	for range max(o.writer, 1) {
		s.addWriter(t)
	}
	for range max(o.maskers, 1) {
		s.addMasker(t)
	}
	for range max(o.fetchers, 1) {
		s.addFetcher(t, o.fetcher)
	}
	t.Cleanup(func() { // in the order of the data
		for _, f := range s.fetchers {
			f.end(t)
		}
		for _, m := range s.maskers {
			m.end(t)
		}
		for _, w := range s.writers {
			w.end(t)
		}
	})
	return s
}

func (s *system) openDatabase(t *testing.T, o options) {
	t.Helper()
	admin, err := pgx.Connect(t.Context(), testkit.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = admin.Close(context.Background()) }()
	name := strings.ToLower(strings.NewReplacer("/", "_", "#", "_").Replace(t.Name()))
	if len(name) > 60 {
		name = name[len(name)-60:]
	}
	if _, err := admin.Exec(t.Context(), "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()); err != nil {
		t.Fatal(err)
	}
	cfg := admin.Config().Copy()
	cfg.Database = name
	s.dsn = fmt.Sprintf("postgres://%s:%s@%s/%s", cfg.User, cfg.Password, net.JoinHostPort(cfg.Host, strconv.Itoa(int(cfg.Port))), name)
	if !o.noTable {
		if err := writer.Migrate(t.Context(), s.dsn, writer.MigrateOptions{Apply: true}, &bytes.Buffer{}); err != nil {
			t.Fatal(err)
		}
	}
	cfg.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	if s.db, err = pgx.ConnectConfig(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.db.Close(context.Background()) })
	if o.sql != "" {
		s.exec(t, o.sql)
	}
}

func (s *system) createQueues(t *testing.T, visibility int) {
	t.Helper()
	if visibility == 0 {
		visibility = 30
	}
	if err := s.queue.CreateQueue(deadLetters, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.queue.CreateQueue(source, map[string]string{
		"VisibilityTimeout": fmt.Sprint(visibility),
		"RedrivePolicy":     fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":"50"}`, s.queue.ARN(deadLetters)),
	}); err != nil {
		t.Fatal(err)
	}
}

func run[T interface {
	Addr() string
	Run(ctx context.Context) error
}](is T) *service[T] {
	ctx, cancel := context.WithCancel(context.Background())
	s := &service[T]{is: is, addr: is.Addr(), stop: cancel, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		s.err = is.Run(ctx)
	}()
	return s
}

// defaults fills a configuration as the programs do.
func defaults[T any](t *testing.T, cfg *T) {
	t.Helper()
	if _, err := config.Load(cfg, config.Source{}); err != nil {
		t.Fatal(err)
	}
}

func (s *system) log(t *testing.T, stage string) *slog.Logger {
	t.Helper()
	log, err := telemetry.NewLogger(s.logs, "debug", "json")
	if err != nil {
		t.Fatal(err)
	}
	return log.With(telemetry.KeyService, stage)
}

func (s *system) writerConfig(t *testing.T, listen string) writer.Config {
	t.Helper()
	cfg := writer.Config{DatabaseURL: config.NewSecret(s.dsn), Listen: listen}
	defaults(t, &cfg)
	return cfg
}

func (s *system) addWriter(t *testing.T) {
	t.Helper()
	w, err := writer.New(s.writerConfig(t, "127.0.0.1:0"), writer.Deps{Logger: s.log(t, "writer"), Tracer: s.tracer, Meter: s.meter})
	if err != nil {
		t.Fatal(err)
	}
	s.writers = append(s.writers, run(w))
}

func (s *system) addMasker(t *testing.T) {
	t.Helper()
	cfg := masker.Config{KeyFile: s.key, Listen: "127.0.0.1:0"}
	for _, w := range s.writers {
		cfg.WriterAddress = append(cfg.WriterAddress, w.addr)
	}
	defaults(t, &cfg)
	m, err := masker.New(cfg, masker.Deps{Logger: s.log(t, "masker"), Tracer: s.tracer, Meter: s.meter})
	if err != nil {
		t.Fatal(err)
	}
	s.maskers = append(s.maskers, run(m))
}

func (s *system) addFetcher(t *testing.T, change func(*fetcher.Config)) {
	t.Helper()
	cfg := fetcher.Config{Queue: s.queue.URL(source), Listen: "127.0.0.1:0", WaitTime: time.Second}
	for _, m := range s.maskers {
		cfg.MaskerAddress = append(cfg.MaskerAddress, m.addr)
	}
	defaults(t, &cfg)
	if change != nil {
		change(&cfg)
	}
	f, err := fetcher.New(cfg, fetcher.Deps{Logger: s.log(t, "fetcher"), Tracer: s.tracer, Meter: s.meter})
	if err != nil {
		t.Fatal(err)
	}
	s.fetchers = append(s.fetchers, run(f))
}

// body is a login that no other number has.
func body(i int) string {
	return fmt.Sprintf(`{"user_id":"user-%d","app_version":"2.3.%d","device_type":"ios","ip":"203.0.113.%d","locale":null,"device_id":"900-00-%04d"}`, i, i%1000, i%256, i%10000)
}

// send puts n logins into the queue and returns their ids.
func (s *system) send(t *testing.T, from, n int) []string {
	t.Helper()
	messages := make([]queue.Message, n)
	for i := range messages {
		messages[i].Body = body(from + i)
	}
	ids, err := s.queue.Send(source, messages...)
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

func (s *system) exec(t *testing.T, sql string) {
	t.Helper()
	if _, err := s.db.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

func (s *system) count(t *testing.T, sql string) (n int) {
	t.Helper()
	if err := s.db.QueryRow(t.Context(), sql).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func (s *system) rows(t *testing.T) int {
	t.Helper()
	return s.count(t, "SELECT count(*) FROM user_logins")
}

// awaitEmpty waits until no message is left in the queue, visible or not.
func (s *system) awaitEmpty(t *testing.T) {
	t.Helper()
	testkit.Eventually(t, patience, func() bool {
		visible, hidden, delayed := s.queue.Counts(source)
		return visible+hidden+delayed == 0
	}, "an empty queue")
}

// expectRows holds the table against n events, each exactly once.
func (s *system) expectRows(t *testing.T, n int) {
	t.Helper()
	if rows, users := s.rows(t), s.count(t, "SELECT count(DISTINCT user_id) FROM user_logins"); rows != n || users != n {
		t.Errorf("%d rows of %d users, want %d", rows, users, n)
	}
}

// letters are the reasons in the dead-letter queue, by origin id.
func (s *system) letters(t *testing.T) map[string]fetcher.Reject {
	t.Helper()
	all := map[string]fetcher.Reject{}
	for _, m := range s.queue.Messages(deadLetters) {
		origin, err := fetcher.ParseOrigin(m.Attributes[fetcher.OriginAttribute].StringValue)
		if err != nil {
			t.Errorf("a dead letter without an origin: %v", err)
			continue
		}
		var why fetcher.Reject
		if err := json.Unmarshal([]byte(m.Attributes[fetcher.RejectAttribute].StringValue), &why); err != nil {
			t.Error(err)
		}
		all[origin.ID] = why
	}
	return all
}

// logBuffer keeps what all services log.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
