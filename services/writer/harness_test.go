package writer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/maskline/maskline/pkg/config"
	"github.com/maskline/maskline/pkg/rpc"
	"github.com/maskline/maskline/pkg/testkit"
	relayv1 "github.com/maskline/maskline/proto/gen/maskline/relay/v1"
	writerv1 "github.com/maskline/maskline/proto/gen/maskline/writer/v1"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const patient = 30 * time.Second

var databases atomic.Int64

// newDB makes a database of its own for a test, drops it afterwards, and runs statements in it.
func newDB(tb testing.TB, statements ...string) *db {
	tb.Helper()
	admin := testkit.Postgres(tb)
	name := fmt.Sprintf("writer_%d", databases.Add(1))
	root := connect(tb, admin)
	mustExec(tb, root, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
	mustExec(tb, root, "CREATE DATABASE "+name)
	tb.Cleanup(func() {
		root := connect(tb, admin)
		defer closeQuietly(root)
		mustExec(tb, root, "DROP DATABASE "+name+" WITH (FORCE)")
	})
	closeQuietly(root)
	u, err := url.Parse(admin)
	if err != nil {
		tb.Fatal(err)
	}
	u.Path = "/" + name
	d := &db{t: tb, name: name, dsn: u.String()}
	for _, s := range statements {
		d.exec(s)
	}
	return d
}

type db struct {
	t         testing.TB
	name, dsn string
}

func (d *db) exec(sql string) {
	d.t.Helper()
	conn := connect(d.t, d.dsn)
	defer closeQuietly(conn)
	mustExec(d.t, conn, sql)
}

// as is the same database with another login, whose password is x.
func (d *db) as(user string) *db {
	u, _ := url.Parse(d.dsn)
	u.User = url.UserPassword(user, "x")
	return &db{t: d.t, name: d.name, dsn: u.String()}
}

// text runs a query for one value.
func (d *db) text(sql string, args ...any) string {
	d.t.Helper()
	conn := connect(d.t, d.dsn)
	defer closeQuietly(conn)
	var out *string
	if err := conn.QueryRow(d.t.Context(), "SELECT ("+sql+")::text", args...).Scan(&out); err != nil {
		d.t.Fatal(err)
	}
	if out == nil {
		return "NULL"
	}
	return *out
}

func (d *db) wantText(want, sql string, args ...any) {
	d.t.Helper()
	if got := d.text(sql, args...); got != want {
		d.t.Errorf("%s: %s, want %s", sql, got, want)
	}
}

func connect(tb testing.TB, dsn string) *pgx.Conn {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		tb.Fatal(err)
	}
	return conn
}

func mustExec(tb testing.TB, conn *pgx.Conn, sql string) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	defer cancel()
	if _, err := conn.Exec(ctx, sql); err != nil {
		tb.Fatalf("%s: %v", sql, err)
	}
}

// eventually polls until cond holds.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	testkit.Eventually(t, patient, cond, what)
}

// running is a writer under test.
type running struct {
	*Writer
	t    *testing.T
	logs *logBuffer
	stop func() error
}

func startWriter(t *testing.T, d *db, change ...func(*Config)) *running {
	t.Helper()
	cfg := Config{
		DatabaseURL: config.NewSecret(d.dsn), Tables: []string{"t"}, CommitMaxRows: 1000, Connections: 2,
		Listen: "127.0.0.1:0", MaxInFlightBytes: 64 << 20, ShutdownGrace: 10 * time.Second,
	}
	for _, c := range change {
		c(&cfg)
	}
	logs := &logBuffer{}
	w, err := New(cfg, Deps{Logger: slog.New(slog.NewTextHandler(logs, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	stop := sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() {
		_ = stop()
		if t.Failed() {
			t.Log(logs.String())
		}
	})
	return &running{Writer: w, t: t, logs: logs, stop: stop}
}

// logBuffer gathers log lines.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// client is a masker as the writer sees it, without any wisdom.
type client struct {
	t      *testing.T
	stream grpc.BidiStreamingClient[writerv1.WriteRequest, writerv1.WriteResponse]
	cancel context.CancelFunc
	close  func()

	mu          sync.Mutex
	credit      int
	settlements map[uint64]*relayv1.Settlement
	heartbeats  []*relayv1.Heartbeat
	drained     bool
	stubborn    bool // does not half-close when asked to drain
	ended       bool
	err         error
}

func dialWriter(t *testing.T, w *running, schema *writerv1.Schema) *client {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+w.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	stream, err := writerv1.NewWriterServiceClient(conn).Write(ctx)
	if err != nil {
		t.Fatal(err)
	}
	c := &client{t: t, stream: stream, cancel: cancel, settlements: map[uint64]*relayv1.Settlement{}}
	over := make(chan struct{})
	go func() { defer close(over); c.receive() }()
	c.close = sync.OnceFunc(func() { cancel(); _ = conn.Close(); <-over })
	t.Cleanup(c.close)
	if err := stream.Send(&writerv1.WriteRequest{Message: &writerv1.WriteRequest_Schema{Schema: schema}}); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *client) receive() {
	for {
		reply, err := c.stream.Recv()
		c.mu.Lock()
		if err != nil {
			c.ended, c.err = true, err
			c.mu.Unlock()
			return
		}
		switch m := reply.GetReply().GetMessage().(type) {
		case *relayv1.Reply_Credit:
			c.credit += int(m.Credit.GetRecords())
		case *relayv1.Reply_Settlement:
			c.settlements[m.Settlement.GetBatchId()] = m.Settlement
		case *relayv1.Reply_Heartbeat:
			c.heartbeats = append(c.heartbeats, m.Heartbeat)
		case *relayv1.Reply_Drain:
			c.drained = true
			if !c.stubborn {
				_ = c.stream.CloseSend()
			}
		}
		c.mu.Unlock()
	}
}

// is asks under the lock.
func (c *client) is(cond func() bool) func() bool {
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return cond()
	}
}

// accepted waits for the first credit.
func (c *client) accepted() *client {
	c.t.Helper()
	eventually(c.t, "credit", c.is(func() bool { return c.credit > 0 || c.ended }))
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		c.t.Fatal(c.err)
	}
	return c
}

func (c *client) send(b *writerv1.MaskedBatch) {
	c.t.Helper()
	if err := c.stream.Send(&writerv1.WriteRequest{Message: &writerv1.WriteRequest_Batch{Batch: b}}); err != nil {
		c.t.Fatal(err)
	}
}

// settled waits for the verdicts of a batch and checks their form.
func (c *client) settled(id uint64) *relayv1.Settlement {
	c.t.Helper()
	var s *relayv1.Settlement
	eventually(c.t, fmt.Sprintf("settlement of batch %d", id), c.is(func() bool { s = c.settlements[id]; return s != nil }))
	return s
}

func (c *client) isSettled(id uint64) bool {
	return c.is(func() bool { return c.settlements[id] != nil })()
}

// end waits for the end of the stream.
func (c *client) end() error {
	c.t.Helper()
	eventually(c.t, "end of the stream", c.is(func() bool { return c.ended }))
	return c.err
}

// verdicts spells a settlement: C, D and R for each record.
func verdicts(s *relayv1.Settlement) string {
	if s.GetAllCommitted() != nil {
		return strings.Repeat("C", int(s.GetRecordCount()))
	}
	out := ""
	for _, v := range s.GetVerdicts() {
		out += string("?CDSRT"[v])
	}
	return out
}

// schemaOf spells a schema: "name:type" columns.
func schemaOf(table string, columns ...string) *writerv1.Schema {
	s := &writerv1.Schema{Table: table}
	for _, c := range columns {
		name, kind, _ := strings.Cut(c, ":")
		s.Columns = append(s.Columns, &writerv1.Column{
			Name: name, Type: writerv1.ColumnType(writerv1.ColumnType_value["COLUMN_TYPE_"+strings.ToUpper(kind)]),
		})
	}
	hash := sha256.Sum256([]byte(fmt.Sprint(table, columns)))
	s.MappingHash = hash[:]
	return s
}

// null is a NULL in batchOf.
const null = "\x00NULL"

// record is a row of batchOf: the number its event id is made of, and its values.
type record struct {
	id     int
	values []string
}

func rec(id int, values ...string) record { return record{id, values} }

// batchOf makes a batch.
func batchOf(id uint64, records ...record) *writerv1.MaskedBatch {
	b := &writerv1.MaskedBatch{BatchId: id, RecordCount: uint32(len(records))}
	for range records[0].values {
		b.Columns = append(b.Columns, &writerv1.ColumnData{})
	}
	for i, r := range records {
		b.EventIds = append(b.EventIds, eventID(r.id)...)
		for j, v := range r.values {
			c := b.Columns[j]
			if v == null {
				if c.Nulls == nil {
					c.Nulls = make([]byte, (len(records)+7)/8)
				}
				c.Nulls[i/8] |= 1 << (i % 8)
				v = ""
			}
			c.Data = append(c.Data, v...)
			c.Lengths = append(c.Lengths, uint32(len(v)))
		}
	}
	return b
}

// eventID is a UUIDv8 that sorts by n.
func eventID(n int) []byte {
	id := make([]byte, idSize)
	binary.BigEndian.PutUint64(id, uint64(1718206942785+n)<<16)
	id[6], id[8] = 0x8d, 0x8c
	binary.BigEndian.PutUint32(id[12:], uint32(n))
	return id
}

// healthy asks the health service.
func (w *running) healthy() error {
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	defer cancel()
	return rpc.Health(ctx, w.Addr(), rpc.DialConfig{})
}
