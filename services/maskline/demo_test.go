package main

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/maskline/maskline/services/maskline/ledger"
)

// account reads the last line of a demo with --json.
func account(t *testing.T, e ended) (a ledger.Account) {
	t.Helper()
	all := strings.Split(strings.TrimSpace(e.stdout), "\n")
	decoder := json.NewDecoder(strings.NewReader(all[len(all)-1]))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&a); err != nil {
		t.Fatalf("last line: %v\nstdout:\n%s\nstderr:\n%s", err, e.stdout, e.stderr)
	}
	if a.Seconds <= 0 {
		t.Errorf("%v seconds", a.Seconds)
	}
	a.Seconds = 0
	return a
}

func TestDemo_TellsTheStoryAndLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	e := maskline(t, nil, "", "demo").want(t, 0, "100 invented logins, 1 of them malformed", "->  h1.k1.", "1  not_json",
		"99  committed, 0 duplicate, 0 skipped, 1 rejected", "0  lost")
	fitsPage(t, e.stdout)
	_, port, _ := strings.Cut(e.stdout, "Postgres  127.0.0.1:")
	port, _, _ = strings.Cut(port, ",")
	dsn := "postgres://maskline:x@127.0.0.1:" + port + "/postgres?sslmode=disable&connect_timeout=2"
	maskline(t, []string{"DATABASE_URL=" + dsn}, "", "check", "--connect").want(t, 1, "connection refused")
}

func TestDemo_AccountsForEveryMessage(t *testing.T) {
	t.Parallel()
	e := maskline(t, nil, "", "demo", "--json", "--messages", "250").want(t, 0)
	want := ledger.Account{Sent: 250, Received: 250, Committed: 248, Rejected: 2, RowsInTable: 248, DeadLettered: 2}
	if a := account(t, e); a != want {
		t.Errorf("got %+v, want %+v", a, want)
	}
}

// A row that the table's own trigger drops looks like a duplicate to the writer: only from outside is it seen to be lost.
func TestDemo_ARowSwallowedByTheDatabaseIsLostAndAnError(t *testing.T) {
	t.Parallel()
	sql := write(t, "swallow.sql", `
		CREATE SEQUENCE rows_seen;
		CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN
			IF nextval('rows_seen') = 7 THEN RETURN NULL; END IF;
			RETURN NEW;
		END $$;
		CREATE TRIGGER swallow BEFORE INSERT ON user_logins FOR EACH ROW EXECUTE FUNCTION swallow();`)
	e := maskline(t, nil, "", "demo", "--json", "--sql", sql).want(t, 1, "1 of 100 messages are lost")
	want := ledger.Account{Sent: 100, Received: 100, Committed: 98, Duplicate: 1, Rejected: 1, RowsInTable: 98, DeadLettered: 1, Lost: 1}
	if a := account(t, e); a != want {
		t.Errorf("got %+v, want %+v", a, want)
	}
	maskline(t, nil, "", "demo", "--json", "--sql", write(t, "bad.sql", "SELEC")).want(t, 1, "sql: ", "42601")
}

// Good and bad messages of a file, masked with a key that is known: the rows are those of docs/mapping.md.
func TestDemo_RowsOfAFileAreTheGoldenOnes(t *testing.T) {
	t.Parallel()
	key, dir := write(t, "key.json", goldenKey), t.TempDir()
	in, out := filepath.Join(dir, "in.jsonl.gz"), filepath.Join(dir, "out.jsonl")
	pack(t, in, strings.Join([]string{
		goldenLogin, "not json, sesame", "", `{"ip":"192.0.2.1"}`, goldenLogin, `{"user_id":"u","user_id":"v"}`, `{"user_id":"u","ip":"sesame"}`,
	}, "\n"))
	e := maskline(t, nil, "", "demo", "--file", in, "--key-file", key, "--rows", out).
		want(t, 0, "Sent 6 messages", "1  not_json", "1  duplicate_key", "1  missing in user_id", "1  bad_format in ip")
	if strings.Contains(e.stdout+e.stderr, "sesame") || strings.Contains(e.stdout, "424cdd21") {
		t.Error("a value of the user's file is shown")
	}
	content, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	rows := lines(t, string(content))
	if len(rows) != 2 {
		t.Fatalf("%d rows, want 2: equal logins in two messages are two rows", len(rows))
	}
	for _, row := range rows {
		if row["masked_ip"] != goldenIP || row["masked_device_id"] != goldenPhone || row["locale"] != nil ||
			row["app_version"] != 6_002_000.0 || row["user_id"] != "424cdd21-063a-43a7-b91b-7ca1a833afae" {
			t.Errorf("row %v", row)
		}
	}
	first, second := rows[0], rows[1]
	if first["message_id"] == second["message_id"] || first["message_id"] == nil || second["message_id"] == nil {
		t.Errorf("message ids %v and %v", first["message_id"], second["message_id"])
	}
	if fmt.Sprint(first["event_id"]) >= fmt.Sprint(second["event_id"]) {
		t.Error("rows are not in the order of their event ids")
	}
}

// Another mapping has another table, here in a schema of its own, and may leave messages out.
func TestDemo_AnotherMappingGetsItsOwnTable(t *testing.T) {
	t.Parallel()
	m := write(t, "orders.yaml", "version: 1\ntable: shop.orders\nwhen: {kind: order}\notherwise: skip\ncolumns:\n  total: {type: numeric}\n")
	in := write(t, "in.json", `[{"kind":"order","total":12.50},{"kind":"refund","total":1}]`)
	e := maskline(t, nil, "", "demo", "--json", "--mapping", m, "--file", in).want(t, 0)
	want := ledger.Account{Sent: 2, Received: 2, Committed: 1, Skipped: 1, RowsInTable: 1}
	if a := account(t, e); a != want {
		t.Errorf("got %+v, want %+v", a, want)
	}
}

func pack(t *testing.T, path, content string) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := gzip.NewWriter(file)
	if _, err := w.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}
