package writer

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

const tableT = `CREATE TABLE t (name text, event_id uuid NOT NULL UNIQUE)`

func TestWriter_RowIsWrittenWithItsValuesAndNulls(t *testing.T) {
	t.Parallel()
	d := newDB(t, `CREATE TYPE mood AS ENUM ('good', 'bad');
		CREATE DOMAIN short AS varchar(5);
		CREATE TABLE t (a text, b varchar(4), c char(3), d int2, e int8, f numeric(10,2), g float8, h boolean, i uuid,
		  j inet, k date, l timestamptz, m timestamp, n mood, o short, p int, q text, event_id uuid NOT NULL UNIQUE)`)
	w := startWriter(t, d)
	c := dialWriter(t, w, schemaOf("t", "a:text", "b:text", "c:text", "d:integer", "e:integer", "f:numeric", "g:float",
		"h:boolean", "i:uuid", "j:ip", "k:date", "l:timestamp", "m:timestamp", "n:text", "o:text", "p:version", "q:text")).accepted()
	c.send(batchOf(1,
		rec(1, "grüß", "äöüß", "abc", "-32768", "9223372036854775807", "12345678.91", "1e300", "true",
			"1a8c0722-fd55-49c0-9d63-b88d066c902d", "199.172.111.135", "2024-06-12", "2024-06-12T15:42:22.785Z",
			"2024-06-12T17:42:22.785+02:00", "bad", "short", "2003000", ""),
		rec(2, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null)))
	if got := verdicts(c.settled(1)); got != "CC" {
		t.Fatalf("verdicts %s", got)
	}
	d.exec(`SET timezone = 'UTC'`)
	d.wantText(`(grüß,äöüß,abc,-32768,9223372036854775807,12345678.91,1e+300,t,1a8c0722-fd55-49c0-9d63-b88d066c902d,`+
		`199.172.111.135,2024-06-12,"2024-06-12 15:42:22.785",bad,short,2003000,"")`,
		`SELECT ROW(a,b,c,d,e,f,g,h,i,j,k,m,n,o,p,q) FROM t WHERE a IS NOT NULL`)
	d.wantText("2024-06-12 15:42:22.785", `SELECT l AT TIME ZONE 'UTC' FROM t WHERE a IS NOT NULL`)
	d.wantText("1", `SELECT count(*) FROM t WHERE num_nulls(a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q) = 17`)
}

func TestWriter_RepeatedBatchIsWrittenOnce(t *testing.T) {
	t.Parallel()
	d := newDB(t, tableT)
	w := startWriter(t, d)
	c := dialWriter(t, w, schemaOf("t", "name:text")).accepted()
	c.send(batchOf(1, rec(1, "a"), rec(2, "b")))
	if got := verdicts(c.settled(1)); got != "CC" {
		t.Fatalf("first: %s", got)
	}
	c.send(batchOf(2, rec(2, "b"), rec(1, "a"), rec(3, "c")))
	if got := verdicts(c.settled(2)); got != "DDC" {
		t.Fatalf("again: %s", got)
	}
	d.wantText("3", "SELECT count(*) FROM t")
}

func TestWriter_SameIdTwiceInABatchIsWrittenOnce(t *testing.T) {
	t.Parallel()
	d := newDB(t, tableT)
	c := dialWriter(t, startWriter(t, d), schemaOf("t", "name:text")).accepted()
	c.send(batchOf(1, rec(1, "a"), rec(2, "b"), rec(1, "a")))
	if got := verdicts(c.settled(1)); got != "CCD" {
		t.Fatalf("verdicts %s", got)
	}
	d.wantText("2", "SELECT count(*) FROM t")
}

func TestWriter_ClashWithAnotherUniqueKeyIsRejectedAndNotADuplicate(t *testing.T) {
	t.Parallel()
	d := newDB(t, `CREATE TABLE t (name text CONSTRAINT one_name UNIQUE, event_id uuid NOT NULL UNIQUE)`)
	c := dialWriter(t, startWriter(t, d), schemaOf("t", "name:text")).accepted()
	c.send(batchOf(1, rec(1, "a")))
	c.settled(1)
	c.send(batchOf(2, rec(2, "b"), rec(3, "a"), rec(4, "c")))
	s := c.settled(2)
	if got := verdicts(s); got != "CRC" {
		t.Fatalf("verdicts %s", got)
	}
	r := s.GetRejections()[0]
	if r.GetIndex() != 1 || r.GetReason() != "database_constraint" || r.GetConstraint() != "one_name" ||
		r.GetSqlstate() != "23505" || r.GetStage() != "writer" {
		t.Errorf("rejection %v", r)
	}
	d.wantText("3", "SELECT count(*) FROM t")
}

func TestWriter_OneBadRowOfAThousandIsFound(t *testing.T) {
	t.Parallel()
	d := newDB(t, `CREATE TABLE t (day date, event_id uuid NOT NULL UNIQUE)`)
	w := startWriter(t, d)
	c := dialWriter(t, w, schemaOf("t", "day:date")).accepted()
	var records []record
	for i := range 1000 {
		records = append(records, rec(i, "2024-06-12"))
	}
	records[617].values[0] = "2024-13-12"
	c.send(batchOf(1, records...))
	s := c.settled(1)
	if got, want := verdicts(s), strings.Repeat("C", 617)+"R"+strings.Repeat("C", 382); got != want {
		t.Fatalf("verdicts %s", got)
	}
	r := s.GetRejections()[0]
	if len(s.GetRejections()) != 1 || r.GetReason() != "database_value" || r.GetColumn() != "day" || r.GetIndex() != 617 ||
		r.GetSqlstate() != "22008" {
		t.Errorf("rejections %v", s.GetRejections())
	}
	d.wantText("999", "SELECT count(*) FROM t")
	if n := w.counters.Totals()["transactions"]; n > 12 {
		t.Errorf("%d transactions for one bad row", n)
	}
}

func TestWriter_GoodRowsAmongAFifthBadOnesAreAllWritten(t *testing.T) {
	t.Parallel()
	d := newDB(t, `CREATE TABLE t (n int CONSTRAINT positive CHECK (n > 0), event_id uuid NOT NULL UNIQUE)`)
	w := startWriter(t, d)
	c := dialWriter(t, w, schemaOf("t", "n:integer")).accepted()
	var records []record
	want := ""
	for i := range 500 {
		if i%5 == 3 {
			records, want = append(records, rec(i, "-1")), want+"R"
		} else {
			records, want = append(records, rec(i, "1")), want+"C"
		}
	}
	c.send(batchOf(1, records...))
	s := c.settled(1)
	if got := verdicts(s); got != want {
		t.Fatalf("verdicts %s", got)
	}
	for _, r := range s.GetRejections() {
		if r.GetConstraint() != "positive" || r.GetColumn() != "n" || r.GetSqlstate() != "23514" || r.GetReason() != "database_constraint" {
			t.Fatalf("rejection %v", r)
		}
	}
	d.wantText("400", "SELECT count(*) FROM t")
	if n := w.counters.Totals()["transactions"]; n != 1 {
		t.Errorf("%d transactions: the bad rows are to be found within one", n)
	}
}

func TestWriter_AConstraintNamesItsColumnIfItIsAboutOne(t *testing.T) {
	t.Parallel()
	d := newDB(t, `CREATE TABLE t (a int, b int, event_id uuid NOT NULL UNIQUE, CONSTRAINT rising CHECK (a < b), CONSTRAINT small CHECK (b < 10));
		CREATE UNIQUE INDEX once ON t (a)`)
	c := dialWriter(t, startWriter(t, d), schemaOf("t", "a:integer", "b:integer")).accepted()
	c.send(batchOf(1, rec(0, "1", "2"), rec(1, "3", "3"), rec(2, "4", "11"), rec(3, "1", "9")))
	s := c.settled(1)
	if got := verdicts(s); got != "CRRR" {
		t.Fatalf("verdicts %s", got)
	}
	want := map[uint32][2]string{1: {"rising", ""}, 2: {"small", "b"}, 3: {"once", "a"}}
	for _, r := range s.GetRejections() {
		if got := [2]string{r.GetConstraint(), r.GetColumn()}; got != want[r.GetIndex()] {
			t.Errorf("row %d: constraint and column %q, want %q", r.GetIndex(), got, want[r.GetIndex()])
		}
	}
}

// COMMIT itself can refuse: a deferred constraint is checked there. Then nothing of the transaction counts, also not what
// its savepoints held.
func TestWriter_ARowRefusedAtCommitIsFoundAmongRowsRefusedBefore(t *testing.T) {
	t.Parallel()
	d := newDB(t, `CREATE TABLE t (n int CONSTRAINT positive CHECK (n > 0), event_id uuid NOT NULL UNIQUE,
		CONSTRAINT once UNIQUE (n) DEFERRABLE INITIALLY DEFERRED)`)
	c := dialWriter(t, startWriter(t, d), schemaOf("t", "n:integer")).accepted()
	var records []record
	for i := range 60 {
		records = append(records, rec(i, strconv.Itoa(1+i)))
	}
	records[17].values = []string{"-1"}
	records[40].values = []string{"6"} // as records[5]
	c.send(batchOf(1, records...))
	s := c.settled(1)
	got := verdicts(s)
	if got[17] != 'R' || strings.Count(got, "R") != 2 || strings.Count(got, "C") != 58 || got[5] == got[40] {
		t.Errorf("verdicts %s", got)
	}
	d.wantText("58", "SELECT count(*) FROM t")
}

// Postgres' answer shows the values of the row that it refuses, so a producer can make it show another row's id.
func TestWriter_ARowThatNamesAnotherInItsValuesIsTheOneThatIsRejected(t *testing.T) {
	t.Parallel()
	d := newDB(t, `CREATE TABLE t (name text, n int CONSTRAINT positive CHECK (n > 0), event_id uuid NOT NULL UNIQUE)`)
	w := startWriter(t, d)
	c := dialWriter(t, w, schemaOf("t", "name:text", "n:integer")).accepted()
	var records []record
	for i := range 200 {
		records = append(records, rec(i, "x", "1"))
	}
	records[120].values = []string{uuidText(eventID(30)), "-1"}
	records[150].values = []string{"x", "-1"}
	c.send(batchOf(1, records...))
	s := c.settled(1)
	want := strings.Repeat("C", 120) + "R" + strings.Repeat("C", 29) + "R" + strings.Repeat("C", 49)
	if got := verdicts(s); got != want {
		t.Fatalf("verdicts %s", got)
	}
	d.wantText("198", "SELECT count(*) FROM t")
	if n := w.counters.Totals()["transactions"]; n > 8 {
		t.Errorf("%d transactions for two bad rows whose answers name rows", n)
	}
}

func TestWriter_ValueThatDoesNotFitIsRejectedWithItsColumn(t *testing.T) {
	t.Parallel()
	d := newDB(t, `CREATE DOMAIN nick AS varchar(3); CREATE TYPE mood AS ENUM ('good', 'bad');
		CREATE TABLE t (v varchar(4), c char(2), s int2, i int4, b int8, n nick, m mood, r text NOT NULL DEFAULT 'x',
		event_id uuid NOT NULL UNIQUE)`)
	w := startWriter(t, d)
	c := dialWriter(t, w, schemaOf("t", "v:text", "c:text", "s:integer", "i:version", "b:integer", "n:text", "m:text", "r:text")).accepted()
	good := []string{"ärzt", "ßß", "-32768", "2147483647", "-9223372036854775808", "日本語", "good", "r"}
	for _, bad := range []struct{ column, value, reason, sqlstate string }{
		{"v", "ärzte", "too_long", ""},
		{"c", "ßßß", "too_long", ""},
		{"s", "32768", "out_of_range", ""},
		{"i", "-2147483649", "out_of_range", ""},
		{"b", "9223372036854775808", "out_of_range", ""},
		{"b", "99999999999999999999999999", "out_of_range", ""},
		{"n", "日本語日", "too_long", ""},
		{"v", "a\x00b", "nul_character", ""},
		{"v", "a\xffb", "invalid_utf8", ""},
		{"m", "gruesome", "database_value", "22P02"},
		{"i", "canary", "database_value", "22P02"},
		{"r", null, "database_constraint", "23502"},
	} {
		values := append([]string(nil), good...)
		for i, name := range []string{"v", "c", "s", "i", "b", "n", "m", "r"} {
			if name == bad.column {
				values[i] = bad.value
			}
		}
		id := uint64(databases.Add(1))
		c.send(batchOf(id, rec(int(id)*10, good...), rec(int(id)*10+1, values...), rec(int(id)*10+2, good...)))
		s := c.settled(id)
		if got := verdicts(s); got != "CRC" {
			t.Fatalf("%v: verdicts %s", bad, got)
		}
		r := s.GetRejections()[0]
		if r.GetColumn() != bad.column || r.GetReason() != bad.reason || r.GetSqlstate() != bad.sqlstate || r.GetStage() != "writer" {
			t.Errorf("%v: rejection %v", bad, r)
		}
	}
	if logs := w.logs.String(); strings.Contains(logs, "canary") || strings.Contains(logs, "gruesome") {
		t.Errorf("a value is in the log: %s", logs)
	}
}

func TestWriter_TypeThatBecameShorterRejectsAndNeverCuts(t *testing.T) {
	t.Parallel()
	d := newDB(t, `CREATE TABLE t (v varchar(20), event_id uuid NOT NULL UNIQUE)`)
	// One connection, so that the first rows to come meet what it knew of the table before.
	w := startWriter(t, d, func(c *Config) { c.Connections = 1 })
	c := dialWriter(t, w, schemaOf("t", "v:text")).accepted()
	c.send(batchOf(1, rec(1, "abc")))
	c.settled(1)
	d.exec(`ALTER TABLE t ALTER v TYPE varchar(4)`)
	c.send(batchOf(2, rec(2, "abcd"), rec(3, "abcdefgh")))
	s := c.settled(2)
	if got := verdicts(s); got != "CR" {
		t.Fatalf("verdicts %s", got)
	}
	if r := s.GetRejections()[0]; r.GetReason() != "database_value" || r.GetSqlstate() != "22001" {
		t.Errorf("rejection %v", r)
	}
	c.send(batchOf(3, rec(4, "abcdefgh")))
	if r := c.settled(3).GetRejections()[0]; r.GetReason() != "too_long" || r.GetColumn() != "v" {
		t.Errorf("the catalog was not looked into again: %v", r)
	}
	d.wantText("2", "SELECT count(*) FROM t")
}

func TestWriter_TwoMappingsShareATableAndManyFramesShareATransaction(t *testing.T) {
	t.Parallel()
	d := newDB(t, `CREATE TABLE t (a text, b text, event_id uuid NOT NULL UNIQUE)`)
	w := startWriter(t, d, func(c *Config) { c.Connections = 1; c.CommitMaxRows = 7 })
	one := dialWriter(t, w, schemaOf("t", "a:text")).accepted()
	two := dialWriter(t, w, schemaOf("t", "b:text", "a:text")).accepted()
	for i := range 40 {
		one.send(batchOf(uint64(i+1), rec(i*3, "a"), rec(i*3+1, "a"), rec(i*3+2, "a")))
		two.send(batchOf(uint64(i+1), rec(1000+i*2, "b", "a"), rec(1000+i*2+1, "b", fmt.Sprint(i))))
	}
	for i := range 40 {
		if got := verdicts(one.settled(uint64(i + 1))); got != "CCC" {
			t.Errorf("one %d: %s", i, got)
		}
		if got := verdicts(two.settled(uint64(i + 1))); got != "CC" {
			t.Errorf("two %d: %s", i, got)
		}
	}
	d.wantText("120", "SELECT count(*) FROM t WHERE b IS NULL AND a = 'a'")
	d.wantText("80", "SELECT count(*) FROM t WHERE b = 'b'")
}
