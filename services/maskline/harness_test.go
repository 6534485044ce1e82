package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/jackc/pgx/v5"

	"github.com/maskline/maskline/pkg/lifecycle"
	"github.com/maskline/maskline/pkg/local/queue"
	"github.com/maskline/maskline/pkg/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// The key of the golden values in docs/mapping.md, and a login with what it becomes.
const (
	goldenKey   = `{"version":1,"keys":[{"id":"k1","state":"primary","secret":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}]}`
	goldenLogin = `{"user_id":"424cdd21-063a-43a7-b91b-7ca1a833afae","app_version":"6.02","device_type":"android","ip":"199.172.111.135","locale":null,"device_id":"593-47-5928"}`
	goldenIP    = "h1.k1.csppddbjigkc2mxtybc2uaoi7e"
	goldenPhone = "h1.k1.qmazbqo4dfkiitjhctzohjfqfq"
)

// ended is how a command ended.
type ended struct {
	code           int
	stdout, stderr string
}

// maskline runs a command as main does, in this process.
func maskline(t *testing.T, environ []string, stdin string, args ...string) ended {
	t.Helper()
	var stdout, stderr bytes.Buffer
	err := execute(t.Context(), call{
		args: args, environ: environ, stdin: strings.NewReader(stdin), stdout: &stdout, stderr: &stderr,
	})
	if lifecycle.Code(err) != 0 {
		fmt.Fprintln(&stderr, err)
	}
	return ended{lifecycle.Code(err), stdout.String(), stderr.String()}
}

// want fails the test unless the command ended with code and its output, both streams, holds the texts.
func (e ended) want(t *testing.T, code int, texts ...string) ended {
	t.Helper()
	if e.code != code {
		t.Fatalf("exit code %d, want %d\nstdout:\n%s\nstderr:\n%s", e.code, code, e.stdout, e.stderr)
	}
	for _, text := range texts {
		if !strings.Contains(e.stdout+e.stderr, text) {
			t.Errorf("%q is missing in\nstdout:\n%s\nstderr:\n%s", text, e.stdout, e.stderr)
		}
	}
	return e
}

// write makes a file for a test.
func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o400); err != nil {
		t.Fatal(err)
	}
	return path
}

// lines decodes lines of JSON.
func lines(t *testing.T, text string) (objects []map[string]any) {
	t.Helper()
	for line := range strings.Lines(text) {
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			t.Fatalf("no JSON: %v", err)
		}
		objects = append(objects, object)
	}
	return objects
}

var databases atomic.Int64

// newDB makes a database of its own for a test and runs statements in it.
func newDB(t *testing.T, statements string) (dsn string, db *pgx.Conn) {
	t.Helper()
	name := fmt.Sprintf("maskline_%d", databases.Add(1))
	admin := connectTo(t, testkit.Postgres(t))
	exec(t, admin, "CREATE DATABASE "+name)
	u, err := url.Parse(testkit.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	db = connectTo(t, u.String())
	exec(t, db, statements)
	return u.String(), db
}

func connectTo(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	db, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close(context.WithoutCancel(t.Context())) })
	return db
}

func exec(t *testing.T, db *pgx.Conn, sql string) {
	t.Helper()
	if _, err := db.PgConn().Exec(t.Context(), sql).ReadAll(); err != nil {
		t.Fatal(err)
	}
}

func number(t *testing.T, db *pgx.Conn, query string) (n int) {
	t.Helper()
	if err := db.QueryRow(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// newQueue serves an embedded queue named events, with these attributes, beside one named letters.
func newQueue(t *testing.T, attributes map[string]string) (server *queue.Server, client *sqs.Client) {
	t.Helper()
	server = queue.New(queue.Options{})
	if _, err := server.Listen(""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	client = sqs.New(sqs.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(server.Endpoint()),
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
	for _, q := range []sqs.CreateQueueInput{{QueueName: aws.String("letters")}, {QueueName: aws.String("events"), Attributes: attributes}} {
		if _, err := client.CreateQueue(t.Context(), &q); err != nil {
			t.Fatal(err)
		}
	}
	return server, client
}

func redrivePolicy(receives int) map[string]string {
	return map[string]string{"RedrivePolicy": fmt.Sprintf(
		`{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:letters","maxReceiveCount":%d}`, receives)}
}
