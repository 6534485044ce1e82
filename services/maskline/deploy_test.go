package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/maskline/maskline/services/fetcher"
	"github.com/maskline/maskline/services/masker/keys"
)

func TestInit_MakesSecretsOnceAndShowsNone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	key := filepath.Join(dir, "key.json")
	args := []string{"init", "--key-file", key, "--login-dir", dir, "--login", "postgres:5432:maskline:maskline"}
	first := maskline(t, nil, "", args...).want(t, 0, "key k1, check value", "made")
	contents := map[string]string{}
	for name, mode := range map[string]os.FileMode{"key.json": 0o400, "password": 0o440, "pgpass": 0o400} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != mode {
			t.Errorf("%s has the mode %04o, want %04o", name, info.Mode().Perm(), mode)
		}
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		contents[name] = string(content)
	}
	password := contents["password"]
	if len(password) < 20 || contents["pgpass"] != "postgres:5432:maskline:maskline:"+password+"\n" {
		t.Error("the two sides of the login do not fit")
	}
	if _, err := keys.Load(key); err != nil {
		t.Error(err)
	}
	second := maskline(t, nil, "", args...).want(t, 0, "there already")
	for name, before := range contents {
		if now, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(now) != before {
			t.Errorf("%s was changed by a second run: %v", name, err)
		}
	}
	if strings.Contains(first.stdout+first.stderr+second.stdout+second.stderr, password) {
		t.Error("the password is shown")
	}
}

// A run that was cut short between the two files must not leave a login that fits on one side only.
func TestInit_GoesOnWhereAnEarlierRunEnded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"password", "pgpass.unfinished"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("half"), 0o400); err != nil {
			t.Fatal(err)
		}
	}
	maskline(t, nil, "", "init", "--key-file", filepath.Join(dir, "key.json"), "--login-dir", dir).want(t, 0, "password made")
	password, err := os.ReadFile(filepath.Join(dir, "password"))
	if err != nil {
		t.Fatal(err)
	}
	pgpass, err := os.ReadFile(filepath.Join(dir, "pgpass"))
	if err != nil {
		t.Fatal(err)
	}
	if string(password) == "half" || string(pgpass) != "*:*:*:*:"+string(password)+"\n" {
		t.Error("the two sides of the login do not fit")
	}
}

func TestInit_RefusesAKeyFileThatNoMaskerWouldTake(t *testing.T) {
	t.Parallel()
	maskline(t, nil, "", "init", "--key-file", write(t, "key.json", "{}")).want(t, 1, "key.json")
}

func TestQueueCreate_JoinsTwoQueuesAndKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	server, client := newQueue(t, nil)
	environ := []string{"MASKLINE_QUEUE=" + server.URL("logins")}
	for range 2 {
		maskline(t, environ, "", "queue", "create", "--visibility-timeout", "45s", "--max-receive-count", "50").want(t, 0, "logins-dead-letters")
	}
	if d, err := describe(t, server.URL("logins")); err != nil || d.MaxReceiveCount != 50 || d.Visibility.Seconds() != 45 ||
		!strings.HasSuffix(d.DeadLetterURL, "/logins-dead-letters") {
		t.Errorf("made %+v, %v", d, err)
	}
	// A queue that has messages, and had no policy.
	if _, err := client.SendMessage(t.Context(), &sqs.SendMessageInput{
		QueueUrl: aws.String(server.URL("events")), MessageBody: aws.String("{}"),
	}); err != nil {
		t.Fatal(err)
	}
	environ = []string{"MASKLINE_QUEUE=" + server.URL("events"), "MASKLINE_DEAD_LETTER_QUEUE=letters"}
	maskline(t, environ, "", "queue", "create").want(t, 0, "letters")
	if d, err := describe(t, server.URL("events")); err != nil || !strings.HasSuffix(d.DeadLetterURL, "/letters") {
		t.Errorf("made %+v, %v", d, err)
	}
	if visible, _, _ := server.Counts("events"); visible != 1 {
		t.Errorf("%d messages in a queue that had one", visible)
	}
}

func describe(t *testing.T, url string) (fetcher.Description, error) {
	t.Helper()
	d, _, err := lookAt(t.Context(), url, "")
	return d, err
}

func TestLoad_SendsTheSameOriginsEveryTime(t *testing.T) {
	t.Parallel()
	server, _ := newQueue(t, nil)
	environ := []string{"MASKLINE_QUEUE=" + server.URL("events")}
	for range 2 {
		maskline(t, environ, "", "load", "--messages", "205", "--rate", "100000", "--then", "the end\n").
			want(t, 0, "sent 205 sample logins, 2 of them malformed on purpose\nthe end\n")
	}
	maskline(t, environ, "", "load", "--messages", "1", "--batch", "other").want(t, 0)
	bodies := map[string]map[string]bool{}
	for _, m := range server.Messages("events") {
		origin, err := fetcher.ParseOrigin(m.Attributes[fetcher.OriginAttribute].StringValue)
		if err != nil {
			t.Fatal(err)
		}
		if bodies[origin.Attribute()] == nil {
			bodies[origin.Attribute()] = map[string]bool{}
		}
		bodies[origin.Attribute()][m.Body] = true
	}
	if len(bodies) != 206 {
		t.Errorf("%d origins, want 206", len(bodies))
	}
	for origin, different := range bodies {
		if len(different) != 1 {
			t.Errorf("%d bodies with the origin %s", len(different), origin)
		}
	}
}

func TestDeployCommands_TouchNothingElsewhereUnasked(t *testing.T) {
	t.Parallel()
	away := []string{"MASKLINE_QUEUE=https://sqs.eu-west-1.amazonaws.com/1/x"}
	maskline(t, away, "", "load").want(t, 2, "AWS is not on this machine; add --yes")
	maskline(t, away, "", "queue", "create").want(t, 2, "AWS is not on this machine; add --yes")
	maskline(t, []string{"MASKLINE_QUEUE=logins"}, "", "queue", "create").want(t, 2, "a URL is needed")
}

func TestQueueServe_ServesUntilItIsStopped(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- execute(ctx, call{args: []string{"queue", "serve", "--listen", "127.0.0.1:0"}, stdout: writer, stderr: io.Discard})
	}()
	line, err := bufio.NewReader(reader).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	environ := []string{"MASKLINE_QUEUE=" + after(line, "serving at ") + "/000000000000/logins"}
	maskline(t, environ, "", "queue", "create").want(t, 0)
	maskline(t, environ, "", "load", "--messages", "10").want(t, 0, "sent 10")
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestHealth_SaysNoWhereNobodyAnswers(t *testing.T) {
	t.Parallel()
	maskline(t, []string{"MASKLINE_LISTEN=0.0.0.0:1"}, "", "health").want(t, 1, "health of 127.0.0.1:1")
}
