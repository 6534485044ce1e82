//go:build compose

package compose

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// root is the top of the repository.
const root = "../../../.."

const patience = 3 * time.Minute

// project is one compose project, with a name and ports of its own. No .env is read.
type project struct {
	name               string
	files              []string
	env                []string
	jaeger, prometheus string // http://127.0.0.1:port
}

// newProject removes what the project leaves when the test ends, and fails the test if anything stays.
func newProject(t *testing.T, name string, files ...string) *project {
	t.Helper()
	jaeger, prometheus := freePort(t), freePort(t)
	ledgers := t.TempDir()
	if err := os.Chmod(ledgers, 0o777); err != nil { // the containers run as another user
		t.Fatal(err)
	}
	p := &project{
		name: fmt.Sprintf("%s-%d", name, os.Getpid()), files: files,
		jaeger: "http://127.0.0.1:" + jaeger, prometheus: "http://127.0.0.1:" + prometheus,
		env: []string{"JAEGER_PORT=" + jaeger, "PROMETHEUS_PORT=" + prometheus, "LEDGERS=" + ledgers},
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("last words:\n%s", p.try("logs", "--tail", "20"))
		}
		p.try("--profile", "*", "down", "-v", "--remove-orphans", "--timeout", "5")
		for _, what := range []string{"container", "network", "volume"} {
			args := []string{what, "ls", "-q", "--filter", "label=com.docker.compose.project=" + p.name}
			if what == "container" {
				args = append(args, "-a")
			}
			if out, _ := exec.Command("docker", args...).Output(); len(out) > 0 {
				t.Errorf("left behind, %s: %s", what, out)
			}
		}
	})
	return p
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

func (p *project) command(args ...string) *exec.Cmd {
	all := []string{"compose", "-p", p.name, "--project-directory", root, "--env-file", os.DevNull}
	for _, file := range p.files {
		all = append(all, "-f", filepath.Join(root, file))
	}
	cmd := exec.Command("docker", append(all, args...)...)
	cmd.Env = append(os.Environ(), p.env...)
	return cmd
}

// try runs docker compose and returns all that it printed.
func (p *project) try(args ...string) string {
	out, _ := p.command(args...).CombinedOutput()
	return string(out)
}

// compose runs docker compose and returns what it printed on stdout.
func (p *project) compose(t *testing.T, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := p.command(args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("docker compose %s: %v\n%s%s", strings.Join(args, " "), err, stdout.String(), stderr.String())
	}
	return stdout.String()
}

// docker runs docker and returns what it printed on stdout.
func docker(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("docker", args...).Output()
	if err != nil {
		t.Fatalf("docker %s: %v", strings.Join(args, " "), err)
	}
	return string(out)
}

// up starts the project, or brings it up to date.
func (p *project) up(t *testing.T, args ...string) {
	t.Helper()
	p.compose(t, append([]string{"up", "-d", "--no-build", "--quiet-pull", "--wait", "--wait-timeout", "300"}, args...)...)
}

// containers are the ids of a service's running containers.
func (p *project) containers(t *testing.T, services ...string) []string {
	t.Helper()
	return strings.Fields(p.compose(t, append([]string{"ps", "-q"}, services...)...))
}

// rows counts the table.
func (p *project) rows(t *testing.T) int {
	t.Helper()
	out := strings.TrimSpace(p.compose(t, "exec", "-T", "postgres", "psql", "-U", "maskline", "-Atc", "SELECT count(*) FROM user_logins"))
	n, err := strconv.Atoi(out)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

var depthLine = regexp.MustCompile(`(\d+) visible, (\d+) in flight, (\d+) delayed`)

// depths are the messages that the queue holds, visible or not, and those in the dead-letter queue.
func (p *project) depths(t *testing.T) (queue, deadLetters int) {
	t.Helper()
	var sums []int
	out := p.compose(t, "run", "--rm", "-T", "--no-deps", "load", "check", "login", "--connect")
	for _, line := range depthLine.FindAllStringSubmatch(out, -1) {
		sum := 0
		for _, number := range line[1:] {
			n, _ := strconv.Atoi(number)
			sum += n
		}
		sums = append(sums, sum)
	}
	if len(sums) != 2 {
		t.Fatalf("two depths were expected in\n%s", out)
	}
	return sums[0], sums[1]
}

// eventually looks every second: each look starts a process or a container.
func eventually(t *testing.T, within time.Duration, what string, cond func() bool) {
	t.Helper()
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for deadline := time.Now().Add(within); !cond(); <-ticker.C {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", within, what)
		}
	}
}

// get reads JSON from one of the published pages; false means that there was no such answer yet.
func get(t *testing.T, url string, into any) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Close = true // no connection is kept, and so no goroutine
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer func() { _ = response.Body.Close() }()
	return response.StatusCode == http.StatusOK && json.NewDecoder(response.Body).Decode(into) == nil
}
