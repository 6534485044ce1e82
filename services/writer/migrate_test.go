package writer

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"testing"
)

func migrate(t *testing.T, d *db, opts MigrateOptions) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := Migrate(t.Context(), d.dsn, opts, &out)
	return out.String(), err
}

func TestMigrate_EmptyDatabaseGetsTheBuiltInTable(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	if out, err := migrate(t, d, MigrateOptions{}); err != nil || !strings.Contains(out, "table user_logins: ready") {
		t.Fatalf("%s%v", out, err)
	}
	d.wantText("user_id character varying(128),device_type character varying(32),masked_ip character varying(256),"+
		"masked_device_id character varying(256),locale character varying(32),app_version integer,create_date date,event_id uuid",
		`SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ',' ORDER BY attnum) FROM pg_attribute
		 WHERE attrelid = 'user_logins'::regclass AND attnum > 0`)
	d.exec("INSERT INTO user_logins (event_id) VALUES ('01900d1d-4e41-8d0c-959a-63fb265f93f6')")
	if out, err := migrate(t, d, MigrateOptions{}); err != nil || strings.Contains(out, "applied") {
		t.Fatalf("again: %s%v", out, err)
	}
	d.wantText("1", "SELECT count(*) FROM user_logins")
}

func TestMigrate_SeveralAtATimeAllSucceed(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	var all sync.WaitGroup
	for range 6 {
		all.Go(func() {
			var out bytes.Buffer
			if err := Migrate(t.Context(), d.dsn, MigrateOptions{}, &out); err != nil {
				t.Errorf("%s%v", out.String(), err)
			}
		})
	}
	all.Wait()
	d.wantText("1", "SELECT count(*) FROM maskline_migrations WHERE version_id > 0")
}

func TestMigrate_DroppedTableComesBack(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	if _, err := migrate(t, d, MigrateOptions{}); err != nil {
		t.Fatal(err)
	}
	d.exec("DROP TABLE user_logins")
	if out, err := migrate(t, d, MigrateOptions{}); err != nil {
		t.Fatalf("%s%v", out, err)
	}
	d.wantText("0", "SELECT count(*) FROM user_logins")
}

func TestMigrate_ForeignTableIsChangedOnlyWithApply(t *testing.T) {
	t.Parallel()
	d := newDB(t, `CREATE TABLE user_logins (user_id varchar(128), device_type varchar(32), masked_ip varchar(256),
		masked_device_id varchar(256), locale varchar(32), app_version integer);
		INSERT INTO user_logins (user_id) VALUES ('a'), ('b')`)
	out, err := migrate(t, d, MigrateOptions{})
	if !errors.Is(err, ErrNotApplied) {
		t.Fatal(err)
	}
	for _, want := range []string{`ADD COLUMN "event_id" uuid;`, `ADD COLUMN "create_date" date;`,
		`CREATE UNIQUE INDEX CONCURRENTLY "user_logins_event_id_key" ON "user_logins" ("event_id");`, "NULLs do not clash"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in the plan:\n%s", want, out)
		}
	}
	d.wantText("6", "SELECT count(*) FROM pg_attribute WHERE attrelid = 'user_logins'::regclass AND attnum > 0")
	if out, err := migrate(t, d, MigrateOptions{Apply: true}); err != nil || !strings.Contains(out, "ready") {
		t.Fatalf("%s%v", out, err)
	}
	d.wantText("2", "SELECT count(*) FROM user_logins WHERE event_id IS NULL")
	if out, err := migrate(t, d, MigrateOptions{}); err != nil || out != "table user_logins: ready\n" {
		t.Fatalf("again: %s%v", out, err)
	}
	d.wantText("NULL", "SELECT to_regclass('maskline_migrations')")
}

func TestMigrate_WhatAPersonMustDecideStopsEverything(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ table, column, want string }{
		"clashing type": {"CREATE TABLE t (event_id text, a text); INSERT INTO t VALUES ('x'), (NULL)", "a:text",
			`column event_id: is text, must be uuid; 1 rows have a value in it: SELECT count(event_id) FROM "t"`},
		"duplicates": {`CREATE TABLE t (event_id uuid, a text); INSERT INTO t SELECT '01900d1d-4e41-8d0c-959a-63fb265f93f6' FROM generate_series(1,3)`, "a:text",
			`column event_id: 1 ids stand in more than one row: SELECT event_id, count(*) FROM "t" GROUP BY event_id`},
		"wrong type":        {"CREATE TABLE t (event_id uuid unique, a int)", "a:text", "column a: is integer, the mapping writes text"},
		"not null unmapped": {"CREATE TABLE t (event_id uuid unique, a text, b text NOT NULL)", "a:text", "column b: is NOT NULL"},
		"partition key":     {"CREATE TABLE t (event_id uuid, a text, d date) PARTITION BY RANGE (d)", "a:text", "partition by event_id"},
		"view":              {"CREATE VIEW t AS SELECT 1 AS a", "a:text", "not a table that takes rows"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDB(t, c.table)
			before := d.text("SELECT string_agg(attname || atttypid, ',' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 't'::regclass")
			out, err := migrate(t, d, MigrateOptions{Apply: true, Schema: schemaOf("t", c.column)})
			if !errors.Is(err, ErrBlocked) || !strings.Contains(out, c.want) {
				t.Fatalf("%s%v", out, err)
			}
			d.wantText(before, "SELECT string_agg(attname || atttypid, ',' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 't'::regclass")
		})
	}
}

func TestMigrate_AnotherMappingNeverMakesUserLogins(t *testing.T) {
	t.Parallel()
	d := newDB(t, "CREATE SCHEMA shop")
	schema := schemaOf("shop.Orders", "id:integer", "price:numeric", "at:timestamp", "from:ip", "note:text")
	if out, err := migrate(t, d, MigrateOptions{Schema: schema}); !errors.Is(err, ErrNotApplied) || !strings.Contains(out, `CREATE TABLE "shop"."Orders"`) {
		t.Fatalf("%s%v", out, err)
	}
	d.wantText("0", "SELECT count(*) FROM pg_tables WHERE schemaname IN ('shop', 'public')")
	if out, err := migrate(t, d, MigrateOptions{Schema: schema, Apply: true}); err != nil {
		t.Fatalf("%s%v", out, err)
	}
	d.wantText("Orders", "SELECT string_agg(tablename, ',') FROM pg_tables WHERE schemaname IN ('shop', 'public')")
	if r, err := Check(t.Context(), d.dsn, schema); err != nil || !r.OK() {
		t.Fatalf("%v %v", r, err)
	}
}

func TestMigrate_InvalidIndexIsReplaced(t *testing.T) {
	t.Parallel()
	d := newDB(t, `CREATE TABLE t (event_id uuid, a text); CREATE UNIQUE INDEX broken ON t (event_id);
		UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'broken'::regclass`)
	out, err := migrate(t, d, MigrateOptions{Apply: true, Schema: schemaOf("t", "a:text")})
	if err != nil || !strings.Contains(out, `DROP INDEX CONCURRENTLY "broken"`) {
		t.Fatalf("%s%v", out, err)
	}
	d.wantText("1", "SELECT count(*) FROM pg_index WHERE indrelid = 't'::regclass AND indisvalid")
}

func TestMigrate_IndexThatCannotBeMadeLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	d := newDB(t, `CREATE SCHEMA s; CREATE TABLE s.t (event_id uuid, a text);
		INSERT INTO s.t SELECT '01900d1d-4e41-8d0c-959a-63fb265f93f6' FROM generate_series(1,2)`)
	db := connect(t, d.dsn)
	defer closeQuietly(db)
	// Rows that came after the check have made the ids clash.
	err := runStep(t.Context(), db, `CREATE UNIQUE INDEX CONCURRENTLY "t_event_id_key" ON "s"."t" ("event_id")`)
	if err == nil || strings.Contains(err.Error(), "01900d1d") {
		t.Fatal(err)
	}
	d.wantText("0", "SELECT count(*) FROM pg_index WHERE indrelid = 's.t'::regclass")
}

func TestCheck_TellsWhatToFixColumnByColumn(t *testing.T) {
	t.Parallel()
	d := newDB(t, `CREATE TABLE t (event_id uuid UNIQUE, a text CONSTRAINT one_a UNIQUE, b int, n text NOT NULL);
		CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
		CREATE TRIGGER dropper BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()`)
	d.exec("ALTER DATABASE " + d.name + " SET synchronous_commit = off")
	r, err := Check(t.Context(), d.dsn, schemaOf("t", "a:text", "b:text", "c:text"))
	if err != nil || r.OK() || !strings.HasPrefix(r.Version, "1") {
		t.Fatalf("%v %v", r, err)
	}
	for _, want := range []string{"ok      event_id uuid\n", "ok      a text\n", "wrong   b integer: is integer, the mapping writes text",
		"missing c : add it with `maskline migrate`", "one_a (a)", "column n: is NOT NULL", "synchronous_commit is off",
		"trigger dropper", "not verified"} {
		if !strings.Contains(r.String(), want) {
			t.Errorf("%q is not in\n%s", want, r)
		}
	}
	r, err = Check(t.Context(), d.dsn, schemaOf("nowhere", "a:text"))
	if err != nil || r.OK() || r.Exists {
		t.Errorf("missing table: %v %v", r, err)
	}
}
