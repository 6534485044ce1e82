package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/maskline/maskline/services/masker/keys"
)

func TestKeysCreate_MakesAKeyAndNeverOverwrites(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "key.json")
	made := maskline(t, nil, "", "keys", "create", path, "--id", "k7").want(t, 0, "key k7", "MASKLINE_KEY_FILE="+path)
	set, err := keys.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, check := set.CheckValue(); !strings.Contains(made.stdout, check) {
		t.Errorf("check value %s is not shown", check)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	maskline(t, nil, "", "keys", "create", path).want(t, 1, "exists already")
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, before) {
		t.Error("the key file was changed")
	}
}

func TestPreview_ShowsTheRowOrTheReasonAndNoRawValue(t *testing.T) {
	t.Parallel()
	key := write(t, "key.json", goldenKey)
	e := maskline(t, nil, goldenLogin+"\n{\"user_id\":\"u\",\"ip\":\"sesame\"}\nsesame\n", "preview", "login", "--key-file", key).
		want(t, 1, "2 of 3 would be rejected")
	rows := lines(t, e.stdout)
	if row := rows[0]; row["masked_ip"] != goldenIP || row["masked_device_id"] != goldenPhone || row["locale"] != nil ||
		row["app_version"] != 6_002_000.0 {
		t.Errorf("row %v", row)
	}
	if rows[1]["rejected"] != "bad_format" || rows[1]["field"] != "ip" || rows[2]["rejected"] != "not_json" {
		t.Errorf("rejections %v", rows[1:])
	}
	if strings.Contains(e.stdout+e.stderr, "sesame") || strings.Contains(e.stdout, "199.172") {
		t.Error("a raw value is shown")
	}
	maskline(t, nil, goldenLogin, "preview", "login-original").
		want(t, 0, `"masked_ip":"5afea4ae754e35eb327312b7a93307691f3f41a83b58de379bbc051643bbb03b"`)
}

func TestPreview_SkippedBodiesAreNoRejections(t *testing.T) {
	t.Parallel()
	m := write(t, "m.yaml", "version: 1\ntable: x\nwhen: {kind: order}\notherwise: skip\ncolumns:\n  n: {type: integer}\n  b: {type: boolean}\n")
	e := maskline(t, nil, `[{"kind":"order","n":1e2,"b":true},{"kind":"refund"}]`, "preview", m).want(t, 0)
	if e.stdout != "{\"n\":100,\"b\":true}\n{\"skipped\":true}\n" {
		t.Errorf("got %s", e.stdout)
	}
}

func TestCheck_PrintsTableColumnsAndWarnings(t *testing.T) {
	t.Parallel()
	maskline(t, nil, "", "check", "login").want(t, 0, "mapping login: ok", "user_logins", "app_version", "version", "event_id", "keyed")
	maskline(t, nil, "", "check", "login-original").want(t, 0, "sha256 is weak")
	maskline(t, []string{"MASKLINE_KEY_FILE=" + write(t, "key.json", goldenKey)}, "", "check").want(t, 0, "k1, check value ")
}

// A table that exists, with rows and another unique key: nothing is changed before --apply.
func TestCheckAndMigrate_LeaveATableAloneUntilApply(t *testing.T) {
	t.Parallel()
	dsn, db := newDB(t, "CREATE TABLE people (id int UNIQUE, name text NOT NULL); INSERT INTO people VALUES (1, 'a'), (2, 'b')")
	m := write(t, "people.yaml", "version: 1\ntable: people\ncolumns:\n  id: {type: integer}\n  name: {type: text, required: true}\n")
	environ := []string{"DATABASE_URL=" + dsn}
	columns := "SELECT count(*) FROM pg_attribute WHERE attrelid = 'people'::regclass AND attnum > 0"
	indexes := "SELECT count(*) FROM pg_index WHERE indrelid = 'people'::regclass"

	maskline(t, environ, "", "check", m, "--connect").
		want(t, 1, "missing event_id", "people_id_key", "not verified", "MASKLINE_QUEUE is not set", "MASKLINE_TABLES=people")
	maskline(t, environ, "", "migrate", "--mapping", m).want(t, 1, `ADD COLUMN "event_id" uuid`, "CREATE UNIQUE INDEX CONCURRENTLY", "--apply")
	if number(t, db, columns) != 2 || number(t, db, indexes) != 1 {
		t.Fatal("the table was changed without --apply")
	}
	maskline(t, environ, "", "migrate", "--mapping", m, "--apply").want(t, 0, "ready")
	maskline(t, environ, "", "migrate", "--mapping", m).want(t, 0, "ready")
	maskline(t, environ, "", "check", m, "--connect").want(t, 0, "ok      event_id uuid")
	if number(t, db, columns) != 3 || number(t, db, indexes) != 2 || number(t, db, "SELECT count(*) FROM people") != 2 {
		t.Error("the table is not as planned")
	}
	if number(t, db, "SELECT count(*) FROM pg_class WHERE relname = 'user_logins'") != 0 {
		t.Error("user_logins was made for another mapping")
	}
}

func TestMigrate_MakesUserLoginsWhereThereIsNone(t *testing.T) {
	t.Parallel()
	dsn, db := newDB(t, "")
	maskline(t, []string{"DATABASE_URL=" + dsn}, "", "migrate").want(t, 0, "ready")
	if number(t, db, "SELECT count(*) FROM user_logins") != 0 {
		t.Error("rows in a new table")
	}
}

func TestCheckConnect_TellsOfTheQueue(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		attributes map[string]string
		code       int
		want       []string
	}{
		{nil, 1, []string{"redrive policy       none", "no dead-letter queue"}},
		{redrivePolicy(3), 0, []string{"after 3 receives", "max_receive_count 3 is low", "/letters, 0 visible"}},
		{redrivePolicy(20), 0, []string{"depth                0 visible", "visibility timeout   30s", "not verified"}},
	} {
		server, _ := newQueue(t, c.attributes)
		maskline(t, []string{"MASKLINE_QUEUE=" + server.URL("events")}, "", "check", "--connect").want(t, c.code, c.want...)
	}
	maskline(t, []string{"MASKLINE_QUEUE=http://127.0.0.1:1/000000000000/events"}, "", "check", "--connect").
		want(t, 1, "to fix", "connection refused")
}

func TestSend_SendsAFileOrSamplesToAQueueOnThisMachine(t *testing.T) {
	t.Parallel()
	server, client := newQueue(t, nil)
	environ := []string{"MASKLINE_QUEUE=" + server.URL("events")}
	maskline(t, environ, "", "send", "--messages", "25").want(t, 0, "sent 25 of 25")
	maskline(t, environ, "", "send", "--file", write(t, "in.jsonl", "{}\nping\n\n[1]\n")).want(t, 0, "sent 3 of 3")
	out, err := client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: aws.String(server.URL("events")), AttributeNames: []types.QueueAttributeName{"All"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := out.Attributes["ApproximateNumberOfMessages"]; n != "28" {
		t.Errorf("%s messages in the queue, want 28", n)
	}
}
