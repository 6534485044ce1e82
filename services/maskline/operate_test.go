package main

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/maskline/maskline/pkg/local/queue"
	"github.com/maskline/maskline/services/fetcher"
	"github.com/maskline/maskline/services/maskline/ledger"
	"github.com/maskline/maskline/services/maskline/traffic"
)

// plant is a queue and a database that a pipeline runs between.
type plant struct {
	server  *queue.Server
	environ []string
	ledger  string
	exec    func(sql string)
	count   func(sql string) int
}

func newPlant(t *testing.T) *plant {
	t.Helper()
	server, _ := newQueue(t, redrivePolicy(20))
	dsn, db := newDB(t, "")
	p := &plant{server: server, ledger: filepath.Join(t.TempDir(), "ledger.jsonl"), environ: []string{
		"MASKLINE_QUEUE=" + server.URL("events"), "DATABASE_URL=" + dsn, "MASKLINE_KEY_FILE=" + write(t, "key.json", goldenKey),
		"MASKLINE_KEEP_LISTENING=false", "MASKLINE_WAIT_TIME=1s", "MASKLINE_LISTEN=127.0.0.1:0", "MASKLINE_LOG_LEVEL=error",
	}}
	p.exec = func(sql string) { t.Helper(); exec(t, db, sql) }
	p.count = func(sql string) int { t.Helper(); return number(t, db, sql) }
	p.maskline(t, "migrate").want(t, 0)
	return p
}

func (p *plant) maskline(t *testing.T, args ...string) ended {
	t.Helper()
	return maskline(t, p.environ, "", args...)
}

// drain runs the pipeline until the queue is drained, and returns its totals.
func (p *plant) drain(t *testing.T) (totals map[string]uint64) {
	t.Helper()
	if err := json.Unmarshal([]byte(p.maskline(t, "run").want(t, 0).stdout), &totals); err != nil {
		t.Fatal(err)
	}
	return totals
}

// One story: what was sent with a ledger is accounted for, through the real pipeline, with bad ones that only Postgres
// refuses; then each kind of trouble is made and found.
func TestReconcile_AccountsForWhatThePipelineHasDone(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	p.exec(traffic.Constraint)
	p.maskline(t, "send", "--messages", "400", "--bad", "20%", "--bad-in-postgres", "25%", "--ledger", p.ledger).want(t, 0, "sent 400 of 400")
	p.maskline(t, "send", "--messages", "1", "--ledger", p.ledger).want(t, 2, "file exists")
	p.maskline(t, "reconcile", p.ledger).want(t, 3, "400  pending; the source queue holds 400 visible", "400 of 400 messages are still on the way")
	p.maskline(t, "reconcile", p.ledger, "--drained").want(t, 1, "400  lost", "of 400 messages: 400 lost")
	p.drain(t)

	logs := write(t, "clean.log", "nothing to see")
	e := p.maskline(t, "reconcile", p.ledger, "--json", "--search", logs).want(t, 0)
	var got reconciled
	if err := json.Unmarshal([]byte(e.stdout), &got); err != nil {
		t.Fatal(err)
	}
	if got.Sent != 400 || got.InTable != 320 || got.DeadLettered != 80 || got.Searched != 14 || got.Fault != "" {
		t.Errorf("%+v", got)
	}
	leaky := write(t, "leaky.log", "address 198.18.3.4")
	p.maskline(t, "reconcile", p.ledger, "--search", logs+","+leaky).want(t, 1, "1  raw values", "leaky.log: value 2 of the list in plain form, at byte 8")
	raw := write(t, "raw.jsonl", `{"ip":"203.0.113.77","device_id":"911-27-6543"}`)
	p.maskline(t, "reconcile", p.ledger, "--raw", raw, "--search", leaky).want(t, 0, "0  raw values")

	p.exec("UPDATE user_logins SET masked_ip = 'h1.k1.' WHERE event_id = (SELECT event_id FROM user_logins ORDER BY event_id LIMIT 1)")
	e = p.maskline(t, "reconcile", p.ledger, "--json").want(t, 1, "1 with another row than expected", `"fault":"of 400 messages`)
	p.exec("DELETE FROM user_logins WHERE event_id = (SELECT event_id FROM user_logins ORDER BY event_id LIMIT 1)")
	p.maskline(t, "reconcile", p.ledger, "--wait", "1s").want(t, 1, "1  lost", "1 lost (")
	if strings.Contains(e.stdout+e.stderr, "198.1") || strings.Contains(e.stdout+e.stderr, "canary") {
		t.Error("a raw value is shown")
	}
}

func TestReconcile_WaitsForWhatIsPending(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	p.maskline(t, "send", "--messages", "50", "--ledger", p.ledger).want(t, 0)
	waiting := make(chan ended, 1)
	go func() { waiting <- p.maskline(t, "reconcile", p.ledger, "--wait", "5m") }()
	p.drain(t)
	(<-waiting).want(t, 0, "50  in the table")
}

// A letter of a message that was written all the same must not become a second row.
func TestRedrive_WhatIsInTheTableAlreadyMakesNoSecondRow(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	p.maskline(t, "send", "--messages", "30", "--bad", "0%", "--ledger", p.ledger).want(t, 0)
	messages := p.server.Messages("events")
	if p.drain(t)["committed"] != 30 {
		t.Fatal("not all was committed")
	}
	for _, m := range messages { // 10 as the queue's own redrive policy moves them, 20 as the fetcher does
		letter := queue.Message{Body: m.Body, ID: m.ID, Sent: m.Sent}
		if len(p.server.Messages("letters")) >= 10 {
			letter = queue.Message{Body: m.Body, Attributes: map[string]queue.Attribute{
				fetcher.OriginAttribute: {DataType: "String", StringValue: fetcher.Origin{ID: m.ID, SentMS: m.Sent.UnixMilli()}.Attribute()},
				fetcher.RejectAttribute: {DataType: "String", StringValue: `{"reason":"missing","column":"ip","stage":"masker"}`},
			}}
		}
		if _, err := p.server.Send("letters", letter); err != nil {
			t.Fatal(err)
		}
	}
	p.maskline(t, "reconcile", p.ledger).want(t, 1, "30 dead-lettered though good")
	p.maskline(t, "redrive", "--dry-run").want(t, 0, "30  would be moved", "20    missing in ip", "10    moved by the queue's redrive policy")
	p.maskline(t, "redrive", "--reason", "bad_format").want(t, 0, "0  moved", "30  not asked for; they stay")

	// Killed between send and delete: the copies are sent, nothing is deleted, and everything is moved once more.
	p.server.SetFaults(queue.Faults{{Action: "DeleteMessageBatch", Kind: queue.PartialFailure, Nth: 1}})
	p.maskline(t, "redrive").want(t, 1, "30  moved", "10  moved and not deleted", "run it again")
	p.maskline(t, "redrive").want(t, 0, "10  moved")
	if totals := p.drain(t); totals["duplicate"] != 40 || totals["committed"] != 0 {
		t.Errorf("totals %v, want 40 duplicates", totals)
	}
	p.maskline(t, "reconcile", p.ledger).want(t, 0, "30  in the table", "0  doubled")
}

func TestRedrive_AfterTheTroubleIsMendedTheLettersBecomeRows(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	p.exec(traffic.Constraint)
	p.maskline(t, "send", "--messages", "40", "--bad", "50%", "--bad-in-postgres", "50%", "--ledger", p.ledger).want(t, 0)
	p.drain(t)
	p.exec("ALTER TABLE user_logins DROP CONSTRAINT known_device")
	p.maskline(t, "redrive", "--reason", "database_constraint", "--limit", "4").want(t, 0, "4  moved", "4    database_constraint")
	p.maskline(t, "redrive", "--reason", "database_constraint", "--rate", "500/s").want(t, 0, "6  moved", "10  not asked for")
	if totals := p.drain(t); totals["committed"] != 10 {
		t.Errorf("totals %v, want 10 committed", totals)
	}
	p.maskline(t, "reconcile", p.ledger).want(t, 1, "10 in the table though bad")
}

func TestExplain_SaysWhereAMessageIs(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	p.maskline(t, "send", "--messages", "20", "--bad", "50%", "--ledger", p.ledger).want(t, 0)
	sent := p.server.Messages("events")
	entries, err := ledger.ReadFile(p.ledger)
	if err != nil {
		t.Fatal(err)
	}
	var good, bad queue.Message
	for _, m := range sent {
		for _, e := range entries {
			switch {
			case e.ID == m.ID && e.Row != nil:
				good = m
			case e.ID == m.ID:
				bad = m
			}
		}
	}
	p.maskline(t, "explain", good.ID).want(t, 4, "no row", "queue: 20 visible", "it may be one of those", "not found")
	p.drain(t)

	at := good.Sent.UTC()
	for _, args := range [][]string{
		nil, {"--day", at.Format("2006-01-02")}, {"--sent-at", at.Format("2006-01-02T15:04:05.000Z07:00")}, {"--table-only"},
	} {
		e := p.maskline(t, append([]string{"explain", good.ID}, args...)...).
			want(t, 0, "a row, first sent "+at.Format("2006-01-02T15:04:05.000Z"), `"masked_ip":"h1.k1.`)
		if scan := strings.Contains(e.stderr, "whole table"); scan != (len(args) < 2) {
			t.Errorf("%v: a scan announced: %v", args, scan)
		}
		if strings.Contains(e.stdout, "canary") || strings.Contains(e.stdout, "198.1") {
			t.Errorf("%v: a raw value is shown", args)
		}
	}
	origin := fetcher.Origin{ID: good.ID, SentMS: at.UnixMilli()}.Attribute()
	p.maskline(t, "explain", origin).want(t, 0, "a row, first sent")
	p.maskline(t, "explain", good.ID, "--sent-at", "1718206942785").want(t, 4, "no row of that time", "look again without")
	p.maskline(t, "explain", good.ID, "--day", "2001-01-01").want(t, 4, "no row of that day")
	p.maskline(t, "explain", bad.ID).want(t, 0, "no row", "1 letters of it")
	p.maskline(t, "explain", "never-sent").want(t, 4, "or it was never sent", "not found")
	p.maskline(t, "explain", bad.ID, "--table-only").want(t, 4, "queues: not looked at")

	p.exec("INSERT INTO user_logins (user_id, event_id) VALUES ('again', '" + eventID(fetcher.Origin{ID: good.ID, SentMS: 1}.EventID()) + "')")
	p.maskline(t, "explain", good.ID).want(t, 0, "doubled: 2 rows of one message")
}

func TestOperate_ErrorsOfUseAndOfPlaces(t *testing.T) {
	t.Parallel()
	server, _ := newQueue(t, nil) // no redrive policy
	key := write(t, "key.json", goldenKey)
	book := write(t, "ledger.jsonl", `{"id":"a","reason":"missing"}`)
	away := []string{"MASKLINE_QUEUE=https://sqs.eu-west-1.amazonaws.com/1/x", "MASKLINE_KEY_FILE=" + key}
	here := []string{"MASKLINE_QUEUE=" + server.URL("events")}
	nowhere := []string{"MASKLINE_QUEUE=http://127.0.0.1:1/000000000000/events"}
	unreached := []string{here[0], "DATABASE_URL=postgres://u:sesame@127.0.0.1:1/x"}
	out := filepath.Join(t.TempDir(), "out.jsonl")
	for _, c := range []struct {
		environ []string
		args    string
		code    int
		want    string
	}{
		{here, "send --messages 5 --ledger " + out, 2, "MASKLINE_KEY_FILE is needed"},
		{away, "send --messages 5 --yes --mapping orders.yaml --ledger " + out, 2, "only for login, login-joinable and login-original"},
		{away, "send --messages 5 --bad 120%", 2, "a share from 0% to 100%"},
		{away, "send --messages 5 --bad-in-postgres 0.2", 2, "a share from 0% to 100%"},
		{away, "send --file " + book + " --bad 2%", 2, "without --bad"},
		{away, "send --messages 5 --yes --ledger /nowhere/x", 2, "/nowhere/x"},
		{nil, "reconcile " + book, 2, "MASKLINE_QUEUE: required"},
		{here, "reconcile", 2, "LEDGER is missing"},
		{here, "reconcile /nowhere.jsonl", 2, "/nowhere.jsonl"},
		{here, "reconcile " + key, 2, "key.json: line 1: no"},
		{here, "reconcile " + book + " --raw /nowhere.jsonl", 2, "--raw"},
		{here, "reconcile " + book + " --raw " + book, 2, "no ip or device_id"},
		{here, "reconcile " + book, 2, "neither DATABASE_URL nor PGHOST"},
		{nowhere, "reconcile " + book, 1, "connection refused"},
		{unreached, "reconcile " + book, 1, "database: "},
		{away, "redrive", 2, "AWS is not on this machine; add --yes"},
		{here, "redrive", 2, "no dead-letter queue"},
		{nowhere, "redrive", 1, "connection refused"},
		{here, "redrive --rate fast", 2, "a number of messages a second"},
		{here, "redrive --limit -1", 2, "--limit"},
		{here, "redrive --dead-letter-queue events", 1, "the dead-letter queue is the queue itself"},
		{here, "explain", 2, "MESSAGE_ID is missing"},
		{here, "explain x", 2, "neither DATABASE_URL nor PGHOST"},
		{here, "explain x --sent-at yesterday", 2, "RFC 3339"},
		{here, "explain x --day today", 2, "a date, such as"},
		{here, "explain x --day 2026-11-25 --sent-at 5", 2, "not together"},
		{unreached, "explain x", 1, "database: "},
	} {
		e := maskline(t, c.environ, "", strings.Fields(c.args)...).want(t, c.code, c.want)
		if strings.Contains(e.stdout+e.stderr, "sesame") {
			t.Errorf("%s: a password is shown", c.args)
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a ledger was made though nothing could be sent")
	}
}

func eventID(id [16]byte) string { return hex.EncodeToString(id[:]) }
