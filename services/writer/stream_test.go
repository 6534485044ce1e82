package writer

import (
	"io"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	controlv1 "github.com/maskline/maskline/proto/gen/maskline/control/v1"
	writerv1 "github.com/maskline/maskline/proto/gen/maskline/writer/v1"
)

func TestWriter_SchemaThatDoesNotFitIsRefusedWithWhatToFix(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		table string
		asked *writerv1.Schema
		want  []string
	}{
		"not allowed":          {tableT, schemaOf("other", "name:text"), []string{"table other: not in MASKLINE_TABLES", "[t missing]"}},
		"table missing":        {tableT, schemaOf("missing", "name:text"), []string{"table missing: missing: create it with `maskline migrate`"}},
		"column missing":       {tableT, schemaOf("t", "name:text", "age:integer"), []string{"column age: missing"}},
		"wrong type":           {`CREATE TABLE t (name int, event_id uuid UNIQUE)`, schemaOf("t", "name:text"), []string{"column name: is integer, the mapping writes text"}},
		"version wants int4":   {`CREATE TABLE t (v int2, event_id uuid UNIQUE)`, schemaOf("t", "v:version"), []string{"column v: is smallint"}},
		"not null unmapped":    {`CREATE TABLE t (name text, must text NOT NULL, event_id uuid UNIQUE)`, schemaOf("t", "name:text"), []string{"column must: is NOT NULL without a default and not mapped"}},
		"domain not null":      {`CREATE DOMAIN must AS text NOT NULL; CREATE TABLE t (name text, m must, event_id uuid UNIQUE)`, schemaOf("t", "name:text"), []string{"column m: is NOT NULL"}},
		"generated":            {`CREATE TABLE t (name text GENERATED ALWAYS AS ('a') STORED, event_id uuid UNIQUE)`, schemaOf("t", "name:text"), []string{"column name: is generated"}},
		"identity":             {`CREATE TABLE t (n int GENERATED ALWAYS AS IDENTITY, event_id uuid UNIQUE)`, schemaOf("t", "n:integer"), []string{"column n: is generated"}},
		"no event_id":          {`CREATE TABLE t (name text)`, schemaOf("t", "name:text"), []string{"column event_id: missing"}},
		"event_id of text":     {`CREATE TABLE t (name text, event_id text UNIQUE)`, schemaOf("t", "name:text"), []string{"column event_id: is text, must be uuid"}},
		"no index":             {`CREATE TABLE t (name text, event_id uuid)`, schemaOf("t", "name:text"), []string{"unique index on (event_id): missing"}},
		"partial index":        {`CREATE TABLE t (name text, event_id uuid); CREATE UNIQUE INDEX part ON t (event_id) WHERE name > ''`, schemaOf("t", "name:text"), []string{"part is partial"}},
		"deferrable":           {`CREATE TABLE t (name text, event_id uuid CONSTRAINT later UNIQUE DEFERRABLE)`, schemaOf("t", "name:text"), []string{"later is deferrable"}},
		"index on two columns": {`CREATE TABLE t (name text, event_id uuid, UNIQUE (event_id, name))`, schemaOf("t", "name:text"), []string{"unique index on (event_id): missing"}},
		"invalid index":        {`CREATE TABLE t (name text, event_id uuid); CREATE UNIQUE INDEX bad ON t (event_id); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'bad'::regclass`, schemaOf("t", "name:text"), []string{"bad is invalid: drop it"}},
		"partitioned":          {`CREATE TABLE t (name text, d date, event_id uuid) PARTITION BY RANGE (d)`, schemaOf("t", "name:text"), []string{"partitioned by RANGE (d)", "partition by event_id"}},
		"view":                 {`CREATE VIEW t AS SELECT 'a' AS name`, schemaOf("t", "name:text"), []string{"not a table that takes rows"}},
		"two at once":          {`CREATE TABLE t (a int, b text)`, schemaOf("t", "a:text", "b:date"), []string{"column a: is integer", "column b: is text", "column event_id: missing"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDB(t, c.table)
			w := startWriter(t, d, func(cfg *Config) { cfg.Tables = []string{"t", "missing"} })
			err := dialWriter(t, w, c.asked).end()
			if status.Code(err) != codes.FailedPrecondition {
				t.Fatal(err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in: %v", want, err)
				}
				eventually(t, "reason in the status: "+want, func() bool { return strings.Contains(w.Status().GetReason(), want) })
			}
			if strings.Count(w.logs.String(), "schema refused") != 1 {
				t.Errorf("log: %s", w.logs)
			}
		})
	}
}

func TestWriter_SchemaWithoutPermissionNamesTheGrantToRun(t *testing.T) {
	t.Parallel()
	d := newDB(t, `CREATE SCHEMA shop; CREATE TABLE shop.t (name text, event_id uuid UNIQUE);
		DROP ROLE IF EXISTS nobody_1; CREATE ROLE nobody_1 LOGIN PASSWORD 'x'; GRANT USAGE ON SCHEMA shop TO nobody_1`)
	w := startWriter(t, d.as("nobody_1"), func(cfg *Config) { cfg.Tables = []string{"shop.t"} })
	err := dialWriter(t, w, schemaOf("shop.t", "name:text")).end()
	for _, want := range []string{`run GRANT INSERT ON "shop"."t" TO "nobody_1"`, `run GRANT SELECT (event_id) ON "shop"."t" TO "nobody_1"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
	d.exec(`GRANT INSERT, SELECT (event_id) ON shop.t TO nobody_1`)
	c := dialWriter(t, w, schemaOf("shop.t", "name:text")).accepted()
	c.send(batchOf(1, rec(1, "a")))
	if got := verdicts(c.settled(1)); got != "C" {
		t.Errorf("verdicts with the least permissions: %s", got)
	}
}

func TestWriter_MalformedStreamsAreEnded(t *testing.T) {
	t.Parallel()
	d := newDB(t, tableT)
	w := startWriter(t, d)
	good := func() *writerv1.MaskedBatch { return batchOf(1, rec(1, "ab"), rec(2, "c")) }
	for name, change := range map[string]func(*writerv1.MaskedBatch){
		"no id":             func(b *writerv1.MaskedBatch) { b.BatchId = 0 },
		"no records":        func(b *writerv1.MaskedBatch) { b.RecordCount = 0 },
		"ids short":         func(b *writerv1.MaskedBatch) { b.EventIds = b.EventIds[1:] },
		"count wrong":       func(b *writerv1.MaskedBatch) { b.RecordCount = 3 },
		"column missing":    func(b *writerv1.MaskedBatch) { b.Columns = nil },
		"data left over":    func(b *writerv1.MaskedBatch) { b.Columns[0].Data = append(b.Columns[0].Data, 'x') },
		"length too large":  func(b *writerv1.MaskedBatch) { b.Columns[0].Lengths[1] = 1<<32 - 1 },
		"nulls short":       func(b *writerv1.MaskedBatch) { b.Columns[0].Nulls = make([]byte, 2) },
		"null with a value": func(b *writerv1.MaskedBatch) { b.Columns[0].Nulls = []byte{1} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := NewShape(schemaOf("t", "name:text"))
			if err != nil {
				t.Fatal(err)
			}
			b := good()
			if _, err := Decode(s, b); err != nil {
				t.Fatal(err)
			}
			change(b)
			if _, err := Decode(s, b); status.Code(err) != codes.InvalidArgument {
				t.Fatal(err)
			}
		})
	}
	c := dialWriter(t, w, schemaOf("t", "name:text")).accepted()
	b := good()
	b.RecordCount = 9
	c.send(b)
	if err := c.end(); status.Code(err) != codes.InvalidArgument {
		t.Error(err)
	}
	two := schemaOf("t", "name:text", "name:text")
	if err := dialWriter(t, w, two).end(); status.Code(err) != codes.InvalidArgument {
		t.Error(err)
	}
	greedy := dialWriter(t, w, schemaOf("t", "name:text")).accepted()
	var records []record
	for i := range greedy.credit + 1 {
		records = append(records, rec(i, "a"))
	}
	greedy.send(batchOf(1, records...))
	if err := greedy.end(); status.Code(err) != codes.ResourceExhausted {
		t.Error(err)
	}
}

func TestWriter_FramesOfADeadStreamAreCommittedAndCountUntilThen(t *testing.T) {
	t.Parallel()
	d := newDB(t, tableT)
	w := startWriter(t, d)
	holder := connect(t, d.dsn)
	defer closeQuietly(holder)
	c := dialWriter(t, w, schemaOf("t", "name:text")).accepted()
	mustExec(t, holder, "BEGIN; LOCK TABLE t IN SHARE MODE")
	for i := range 3 {
		c.send(batchOf(uint64(i+1), rec(2*i, "a"), rec(2*i+1, "b")))
	}
	eventually(t, "three frames", func() bool { return w.Status().GetInFlightRecords() == 6 })
	c.close()
	eventually(t, "stream gone", func() bool { return len(w.Status().GetStreams()) == 0 })
	if s := w.Status(); s.GetInFlightRecords() != 6 || w.relay.InFlight().Records != 6 || s.GetInFlightBytes() == 0 || s.GetLag() == nil {
		t.Errorf("in flight: %d records, %d charged", s.GetInFlightRecords(), w.relay.InFlight().Records)
	}
	again := dialWriter(t, w, schemaOf("t", "name:text")).accepted()
	again.send(batchOf(1, rec(0, "a"), rec(6, "c")))
	mustExec(t, holder, "COMMIT")
	if got := verdicts(again.settled(1)); got != "DC" && got != "CC" {
		t.Errorf("sent again: %s", got)
	}
	eventually(t, "all released", func() bool { return w.Status().GetInFlightBytes() == 0 && w.relay.InFlight().Records == 0 })
	d.wantText("7", "SELECT count(*) FROM t")
}

func TestWriter_StopCommitsWhatItHasAndEndsTheStreams(t *testing.T) {
	t.Parallel()
	d := newDB(t, tableT)
	w := startWriter(t, d)
	holder := connect(t, d.dsn)
	defer closeQuietly(holder)
	c := dialWriter(t, w, schemaOf("t", "name:text")).accepted()
	mustExec(t, holder, "BEGIN; LOCK TABLE t IN SHARE MODE")
	c.send(batchOf(1, rec(1, "a")))
	eventually(t, "one frame", func() bool { return w.Status().GetInFlightRecords() == 1 })
	stopped := make(chan error, 1)
	go func() { stopped <- w.stop() }()
	eventually(t, "drain", c.is(func() bool { return c.drained }))
	if w.healthy() == nil {
		t.Error("healthy while stopping")
	}
	mustExec(t, holder, "COMMIT")
	if got := verdicts(c.settled(1)); got != "C" {
		t.Errorf("verdicts %s", got)
	}
	if err := c.end(); err != io.EOF {
		t.Errorf("stream: %v", err)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	d.wantText("0", "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'maskline-writer' AND datname = current_database()")
}

func TestWriter_StopCommitsWhatBrokenStreamsLeftBehind(t *testing.T) {
	t.Parallel()
	d := newDB(t, tableT)
	w := startWriter(t, d, func(c *Config) { c.Connections = 1 })
	holder := connect(t, d.dsn)
	defer closeQuietly(holder)
	c := dialWriter(t, w, schemaOf("t", "name:text")).accepted()
	mustExec(t, holder, "BEGIN; LOCK TABLE t IN SHARE MODE")
	for i := range 2 { // one for the connection, one that waits for it
		c.send(batchOf(uint64(i+1), rec(i, "a")))
		eventually(t, "taken", func() bool { return w.Status().GetInFlightRecords() == uint64(i+1) })
		eventually(t, "connection waits for the lock", func() bool {
			return d.text("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'maskline-writer' AND wait_event_type = 'Lock' AND datname = current_database()") == "1"
		})
	}
	c.close()
	stopped := make(chan error, 1)
	go func() { stopped <- w.stop() }()
	eventually(t, "no stream, stopping", func() bool { return w.relay.Sessions() == 0 && w.Status().GetReason() == "stopping" })
	mustExec(t, holder, "COMMIT")
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	d.wantText("2", "SELECT count(*) FROM t")
}

func TestWriter_StopGivesUpWhenTheGraceIsOver(t *testing.T) {
	t.Parallel()
	d := newDB(t, tableT)
	w := startWriter(t, d, func(c *Config) { c.ShutdownGrace = 1 })
	holder := connect(t, d.dsn)
	defer closeQuietly(holder)
	c := dialWriter(t, w, schemaOf("t", "name:text")).accepted()
	mustExec(t, holder, "BEGIN; LOCK TABLE t IN SHARE MODE")
	c.send(batchOf(1, rec(1, "a")))
	eventually(t, "one frame", func() bool { return w.Status().GetInFlightRecords() == 1 })
	if err := w.stop(); err == nil || !strings.Contains(err.Error(), "1 records are without a verdict") {
		t.Error(err)
	}
	if c.isSettled(1) || c.end() == io.EOF {
		t.Error("settled, or ended as if all were well")
	}
}

func TestWriter_StatusTellsCountersAndConfigWithoutSecrets(t *testing.T) {
	t.Parallel()
	d := newDB(t, `CREATE TABLE t (name varchar(3), event_id uuid NOT NULL UNIQUE)`)
	w := startWriter(t, d)
	c := dialWriter(t, w, schemaOf("t", "name:text")).accepted()
	c.send(batchOf(1, rec(1, "a"), rec(1, "a"), rec(2, "long")))
	c.settled(1)
	conn, err := grpc.NewClient("passthrough:///"+w.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	s, err := controlv1.NewControlServiceClient(conn).GetStatus(t.Context(), &controlv1.GetStatusRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]uint64{"received": 3, "committed": 1, "duplicate": 1, "rejected": 1, "transactions": 1} {
		if got := s.GetCounters()[name]; got != want {
			t.Errorf("%s: %d, want %d", name, got, want)
		}
	}
	if s.GetStage() != "writer" || !s.GetReady() || len(s.GetStreams()) != 1 || s.GetStreams()[0].GetDirection() != "upstream" {
		t.Errorf("status %v", s)
	}
	if s.GetConfig()["DATABASE_URL"] != "***" || s.GetConfig()["MASKLINE_TABLES"] != "t" {
		t.Errorf("config %v", s.GetConfig())
	}
}

func TestWriter_NotReadyWhileNoTableIsThere(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	w := startWriter(t, d)
	eventually(t, "reason", func() bool {
		s := w.Status()
		return !s.GetReady() && strings.Contains(s.GetReason(), "table t: missing: create it with `maskline migrate`")
	})
	d.exec(tableT)
	w.resumed()
}
