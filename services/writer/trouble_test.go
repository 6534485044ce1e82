package writer

import (
	"context"
	"strings"
	"testing"

	"github.com/maskline/maskline/pkg/local/postgres"
	"github.com/maskline/maskline/pkg/testkit"
	relayv1 "github.com/maskline/maskline/proto/gen/maskline/relay/v1"
)

// pausedFor waits until the writer says that it waits for the database and why, everywhere that it can be asked.
func (w *running) pausedFor(c *client, want string) {
	w.t.Helper()
	eventually(w.t, "pause: "+want, func() bool {
		s := w.Status()
		return !s.GetReady() && strings.Contains(s.GetReason(), want)
	})
	eventually(w.t, "heartbeat: "+want, c.is(func() bool {
		for _, h := range c.heartbeats {
			if h.GetState() == relayv1.State_STATE_WAITING_FOR_DATABASE && strings.Contains(h.GetWaitingFor(), want) {
				return true
			}
		}
		return false
	}))
	if err := w.healthy(); err == nil {
		w.t.Errorf("healthy while it waits for: %s", want)
	}
	if !strings.Contains(strings.ReplaceAll(w.logs.String(), `\"`, `"`), want) {
		w.t.Errorf("not in the log: %s", want)
	}
}

func (w *running) resumed() {
	w.t.Helper()
	eventually(w.t, "ready again", func() bool { return w.Status().GetReady() })
	if err := w.healthy(); err != nil {
		w.t.Error(err)
	}
}

func TestWriter_PausesForTroubleAndGoesOnWhenItIsMended(t *testing.T) {
	t.Parallel()
	const partitioned = `CREATE TABLE t (name text, event_id uuid NOT NULL UNIQUE) PARTITION BY RANGE (event_id);
		CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (MINVALUE) TO (MAXVALUE)`
	for name, c := range map[string]struct{ table, harm, mend, want string }{
		"partition missing": {partitioned, `DROP TABLE t1`,
			`CREATE TABLE t1 PARTITION OF t DEFAULT`, "create the partition"},
		"table dropped": {tableT, `DROP TABLE t`, tableT, "create it with `maskline migrate`"},
		"column dropped": {tableT, `ALTER TABLE t DROP name`, `ALTER TABLE t ADD name text`,
			"column name: missing"},
		"index dropped": {tableT, `ALTER TABLE t DROP CONSTRAINT t_event_id_key`, `ALTER TABLE t ADD UNIQUE (event_id)`,
			"unique index on (event_id): missing"},
		"permission taken": {tableT,
			`REVOKE INSERT ON t FROM low_permission_taken`, `SELECT`, `run GRANT INSERT ON "t" TO "low_permission_taken"`},
		"type changed": {tableT, `ALTER TABLE t ALTER name TYPE int USING 0`, `ALTER TABLE t ALTER name TYPE text`,
			"column name: is integer, the mapping writes text"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			role := "low_" + strings.ReplaceAll(name, " ", "_")
			grant := "GRANT INSERT, SELECT ON ALL TABLES IN SCHEMA public TO " + role
			d := newDB(t, c.table, "DROP ROLE IF EXISTS "+role, "CREATE ROLE "+role+" LOGIN PASSWORD 'x'", grant)
			w := startWriter(t, d.as(role))
			cl := dialWriter(t, w, schemaOf("t", "name:text")).accepted()
			cl.send(batchOf(1, rec(1, "7")))
			cl.settled(1)
			d.exec(c.harm)
			cl.send(batchOf(2, rec(2, "8"), rec(3, "canary")))
			w.pausedFor(cl, c.want)
			if cl.isSettled(2) {
				t.Fatal("settled while paused")
			}
			d.exec(c.mend + "; " + grant)
			if got := verdicts(cl.settled(2)); got != "CC" {
				t.Errorf("verdicts %s", got)
			}
			w.resumed()
			d.wantText("2", "SELECT count(*) FROM t WHERE event_id > '01900d1d-4e42-8d0c-8c00-000000000001'")
			if n := w.Status().GetCounters()["rejected"]; n != 0 {
				t.Errorf("%d rejected", n)
			}
			if strings.Contains(w.logs.String(), "canary") {
				t.Error("a value is in the log")
			}
		})
	}
}

func TestWriter_ReadOnlyDatabasePausesAndLosesNothing(t *testing.T) {
	t.Parallel()
	d := newDB(t, tableT)
	w := startWriter(t, d)
	c := dialWriter(t, w, schemaOf("t", "name:text")).accepted()
	d.exec("ALTER DATABASE " + d.name + " SET default_transaction_read_only = on")
	d.exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'maskline-writer' AND datname = current_database()`)
	c.send(batchOf(1, rec(1, "a")))
	w.pausedFor(c, "the database is read-only")
	admin := &db{t: t, dsn: testkit.Postgres(t)}
	admin.exec("ALTER DATABASE " + d.name + " RESET default_transaction_read_only")
	if got := verdicts(c.settled(1)); got != "C" {
		t.Errorf("verdicts %s", got)
	}
	w.resumed()
}

func TestWriter_PostgresRestartsUnderLoadLoseAndDoubleNothing(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	cluster, err := postgres.Start(ctx, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cluster.Stop(ctx) }()
	d := &db{t: t, name: "postgres", dsn: cluster.DSN()}
	d.exec(tableT)
	w := startWriter(t, d, func(c *Config) { c.CommitMaxRows = 50 })
	c := dialWriter(t, w, schemaOf("t", "name:text")).accepted()
	const frames, rows = 200, 20
	restarted := make(chan struct{})
	go func() {
		defer close(restarted)
		for _, mode := range []postgres.Mode{postgres.Fast, postgres.Immediate, postgres.Fast} {
			if err := cluster.Restart(ctx, mode); err != nil {
				t.Error(err)
			}
		}
	}()
	for i := range frames {
		var records []record
		for j := range rows {
			records = append(records, rec(i*rows+j, "a"))
		}
		c.send(batchOf(uint64(i+1), records...))
		if i%10 == 9 {
			c.settled(uint64(i - 5))
		}
	}
	for i := range frames {
		if got := verdicts(c.settled(uint64(i + 1))); strings.ContainsAny(got, "RT?") {
			t.Fatalf("frame %d: %s", i, got)
		}
	}
	<-restarted
	d.wantText("4000", "SELECT count(*) FROM t")
	if err := w.stop(); err != nil {
		t.Error(err)
	}
}

func TestWriter_UnreachableDatabaseAtStartIsNamedAndItGoesOnByItself(t *testing.T) {
	t.Parallel()
	d := newDB(t, tableT)
	p := startProxy(t, d)
	address := p.address()
	p.refuse()
	w := startWriter(t, &db{t: t, name: d.name, dsn: p.dsn(d)})
	eventually(t, "one line", func() bool { return strings.Contains(w.logs.String(), "database "+address+": ") })
	if w.healthy() == nil || w.Status().GetReady() {
		t.Error("ready without a database")
	}
	c := dialWriter(t, w, schemaOf("t", "name:text"))
	eventually(t, "heartbeat", c.is(func() bool { return len(c.heartbeats) > 0 }))
	p.accept(t, address)
	c.accepted().send(batchOf(1, rec(1, "a")))
	c.settled(1)
	w.resumed()
}

func TestWriter_LostAnswerToCommitIsFoundOutByWritingAgain(t *testing.T) {
	t.Parallel()
	d := newDB(t, tableT)
	p := startProxy(t, d)
	w := startWriter(t, &db{t: t, name: d.name, dsn: p.dsn(d)})
	c := dialWriter(t, w, schemaOf("t", "name:text")).accepted()
	p.cutAt("COMMIT")
	c.send(batchOf(1, rec(1, "a"), rec(2, "b")))
	if got := verdicts(c.settled(1)); got != "DD" {
		t.Errorf("verdicts %s", got)
	}
	d.wantText("2", "SELECT count(*) FROM t")
	if p.statement.Load() != nil {
		t.Error("no COMMIT was cut")
	}
}

func TestWriter_AConnectionLostWhileARefusedRowIsRolledBackCostsNoVerdict(t *testing.T) {
	t.Parallel()
	d := newDB(t, "CREATE TABLE t (name text CHECK (name <> 'bad'), event_id uuid NOT NULL UNIQUE)")
	p := startProxy(t, d)
	w := startWriter(t, &db{t: t, name: d.name, dsn: p.dsn(d)})
	c := dialWriter(t, w, schemaOf("t", "name:text")).accepted()
	for id, one := range []struct {
		values []string
		want   string
	}{{[]string{"a", "bad", "c"}, "CRC"}, {[]string{"bad"}, "R"}} {
		p.cutAt("ROLLBACK")
		var records []record
		for _, value := range one.values {
			records = append(records, rec(10*id+len(records), value))
		}
		c.send(batchOf(uint64(id+1), records...))
		if got := verdicts(c.settled(uint64(id + 1))); got != one.want {
			t.Errorf("verdicts %s, want %s", got, one.want)
		}
		if p.statement.Load() != nil {
			t.Error("no ROLLBACK was cut")
		}
	}
	d.wantText("2", "SELECT count(*) FROM t")
}

func TestWriter_CommitsDurablyThoughTheDatabaseSaysOtherwise(t *testing.T) {
	t.Parallel()
	d := newDB(t, `CREATE TABLE t (name text, event_id uuid NOT NULL UNIQUE, how text DEFAULT current_setting('synchronous_commit'))`)
	d.exec("ALTER DATABASE " + d.name + " SET synchronous_commit = off")
	c := dialWriter(t, startWriter(t, d), schemaOf("t", "name:text")).accepted()
	c.send(batchOf(1, rec(1, "a")))
	c.settled(1)
	d.wantText("on", "SELECT how FROM t")
}

func TestWriter_NothingIsSettledBeforeCommitReturns(t *testing.T) {
	t.Parallel()
	// The trigger runs inside COMMIT, waits there for a lock that the test holds, and then refuses one row.
	d := newDB(t, tableT, `CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			PERFORM pg_advisory_xact_lock(7);
			IF NEW.name = 'bad' THEN RAISE EXCEPTION 'no' USING ERRCODE = 'P0001'; END IF;
			RETURN NULL; END $$;
		CREATE CONSTRAINT TRIGGER late AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION late()`)
	holder := connect(t, d.dsn)
	defer closeQuietly(holder)
	mustExec(t, holder, "SELECT pg_advisory_lock(7)")
	c := dialWriter(t, startWriter(t, d), schemaOf("t", "name:text")).accepted()
	c.send(batchOf(1, rec(1, "a"), rec(2, "bad"), rec(3, "c")))
	eventually(t, "COMMIT waits", func() bool {
		return d.text("SELECT count(*) FROM pg_stat_activity WHERE query = 'COMMIT' AND wait_event = 'advisory' AND datname = current_database()") == "1"
	})
	if c.isSettled(1) {
		t.Fatal("settled before COMMIT returned")
	}
	mustExec(t, holder, "SELECT pg_advisory_unlock(7)")
	if got := verdicts(c.settled(1)); got != "CRC" {
		t.Errorf("verdicts %s", got)
	}
	d.wantText("2", "SELECT count(*) FROM t")
}

func TestWriter_LockHeldBySomeoneElseIsWaitedForAndSaid(t *testing.T) {
	t.Parallel()
	d := newDB(t, tableT)
	d.exec("ALTER DATABASE " + d.name + " SET lock_timeout = '100ms'")
	w := startWriter(t, d)
	c := dialWriter(t, w, schemaOf("t", "name:text")).accepted()
	holder := connect(t, d.dsn)
	defer closeQuietly(holder)
	mustExec(t, holder, "BEGIN; LOCK TABLE t IN SHARE MODE")
	c.send(batchOf(1, rec(1, "a")))
	w.pausedFor(c, "a lock is held by someone else")
	mustExec(t, holder, "COMMIT")
	if got := verdicts(c.settled(1)); got != "C" {
		t.Errorf("verdicts %s", got)
	}
}

func TestWriter_TransactionThatTakesTooLongIsHalvedAndNeverRejected(t *testing.T) {
	t.Parallel()
	d := newDB(t, tableT, `CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.05); RETURN NEW; END $$;
		CREATE TRIGGER slow BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION slow()`)
	d.exec("ALTER DATABASE " + d.name + " SET statement_timeout = '300ms'")
	c := dialWriter(t, startWriter(t, d), schemaOf("t", "name:text")).accepted()
	var records []record
	for i := range 16 {
		records = append(records, rec(i, "a"))
	}
	c.send(batchOf(1, records...))
	if got := verdicts(c.settled(1)); got != strings.Repeat("C", 16) {
		t.Errorf("verdicts %s", got)
	}
}
