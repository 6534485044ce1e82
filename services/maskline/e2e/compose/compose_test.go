//go:build compose

package compose

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/maskline/maskline/pkg/telemetry"
)

// samples is what the one-shot load sends, and good how many of them become rows.
const samples, good = 100, 99

// TestCompose is one story, for every chapter needs the system that the first one started.
func TestCompose(t *testing.T) { //nolint:paralleltest // one system
	p := newProject(t, "maskline-e2e", "docker-compose.yaml", account)
	p.up(t)
	if n := p.rows(t); n != good {
		t.Fatalf("%d rows after the first up, want %d", n, good)
	}
	for _, chapter := range []struct {
		name string
		test func(*testing.T, *project)
	}{
		{"EveryServiceIsHealthy", everyServiceIsHealthy},
		{"OneTraceLeadsThroughAllThree", oneTrace},
		{"GrpcurlListsDescribesAndCalls", grpcurl},
		{"ContainersAreConfined", confined},
		{"NothingSecretShows", nothingSecret},
		{"ASecondUpAddsNoRow", secondUp},
		{"EveryMetricThatIsNamedIsThere", metrics},
		{"OnlyWhoMustReachesQueueAndDatabase", networks},
		{"ScalingLosesAndDoublesNothing", scaling},
		{"KillsAndARedeployLoseAndDoubleNothing", kills},
		{"OwnAndSingleRunOnWhatIsThere", companions},
	} {
		if !t.Run(chapter.name, func(t *testing.T) { chapter.test(t, p) }) {
			return
		}
	}
}

// The other queue server makes no difference to what a user sees.
func TestCompose_LocalStackIsAQueueToo(t *testing.T) { //nolint:paralleltest // one system at a time is enough for the machine
	p := newProject(t, "maskline-localstack", "docker-compose.yaml", "deploy/compose/localstack.yaml")
	for range 2 {
		p.up(t)
		eventually(t, patience, "an empty queue", func() bool { queue, _ := p.depths(t); return queue == 0 })
		if n := p.rows(t); n != good {
			t.Errorf("%d rows, want %d", n, good)
		}
	}
}

func everyServiceIsHealthy(t *testing.T, p *project) {
	for line := range strings.Lines(p.compose(t, "ps", "-a", "--format", "json")) {
		var c struct {
			Service string `json:"Service"`
			State   string `json:"State"`
			Health  string `json:"Health"`
		}
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			t.Fatal(err)
		}
		once := slices.Contains([]string{"init", "queue-init", "migrate", "load"}, c.Service)
		checked := slices.Contains([]string{"fetcher", "masker", "writer", "postgres"}, c.Service)
		if once && c.State != "exited" || !once && c.State != "running" || checked && c.Health != "healthy" {
			t.Errorf("%s is %s %s", c.Service, c.State, c.Health)
		}
	}
	if _, letters := p.depths(t); letters != samples-good {
		t.Errorf("%d dead letters", letters)
	}
	log := p.compose(t, "logs", "--no-log-prefix", "load")
	for _, want := range []string{"docker compose exec postgres psql", p.jaeger, "docker compose run --rm grpcurl"} {
		if !strings.Contains(log, want) {
			t.Errorf("load does not tell of %q:\n%s", want, log)
		}
	}
}

func secondUp(t *testing.T, p *project) {
	p.up(t)
	eventually(t, patience, "an empty queue", func() bool { queue, _ := p.depths(t); return queue == 0 })
	if n := p.rows(t); n != good {
		t.Errorf("%d rows after the second up, want %d", n, good)
	}
}

func grpcurl(t *testing.T, p *project) {
	call := func(args ...string) string {
		return p.compose(t, append([]string{"run", "--rm", "-T", "grpcurl"}, args...)...)
	}
	for address, own := range map[string]string{
		"fetcher:7001": "", "masker:7002": "maskline.masker.v1.MaskerService", "writer:7003": "maskline.writer.v1.WriterService",
	} {
		list := call(address, "list")
		for _, want := range []string{"grpc.health.v1.Health", "maskline.control.v1.ControlService", own} {
			if !strings.Contains(list, want) {
				t.Errorf("%s does not list %s:\n%s", address, want, list)
			}
		}
		if described := call(address, "describe", "maskline.control.v1.ControlService"); !strings.Contains(described, "rpc GetStatus") {
			t.Errorf("%s is described as\n%s", address, described)
		}
		if status := call(address, "maskline.control.v1.ControlService/GetStatus"); !strings.Contains(status, `"ready": true`) {
			t.Errorf("%s has the status\n%s", address, status)
		}
		if health := call(address, "grpc.health.v1.Health/Check"); !strings.Contains(health, "SERVING") {
			t.Errorf("%s has the health\n%s", address, health)
		}
	}
}

// networks: what the least privilege of the three rests on, beside their credentials.
func networks(t *testing.T, p *project) {
	for service, want := range map[string][]string{
		"fetcher": {"default", "queue"}, "masker": {"default"}, "writer": {"database", "default"},
		"queue": {"queue"}, "postgres": {"database"},
	} {
		id := p.containers(t, service)[0]
		got := strings.Fields(docker(t, "inspect", "-f", "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}", id))
		for i := range got {
			got[i] = strings.TrimPrefix(got[i], p.name+"_")
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%s is in %v, want %v", service, got, want)
		}
	}
}

var metricName = regexp.MustCompile(`\b(maskline|db_client|messaging_client)_[a-z_]+`)

// metrics: a dashboard or an alert on a metric that nobody exports would be quiet for ever.
func metrics(t *testing.T, p *project) {
	p.up(t, "--no-deps", "prometheus")
	rules, err := os.ReadFile(root + "/deploy/prometheus/rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dashboard, err := os.ReadFile(root + "/deploy/grafana/dashboards/maskline.json")
	if err != nil {
		t.Fatal(err)
	}
	named := metricName.FindAllString(string(rules)+string(dashboard), -1)
	var labels []string
	for _, a := range telemetry.Attributes() {
		labels = append(labels, telemetry.PrometheusLabel(a.Name))
	}
	named = slices.DeleteFunc(slices.Compact(slices.Sorted(slices.Values(named))), func(name string) bool {
		return slices.Contains(labels, name) || strings.HasSuffix(name, "_")
	})
	var missing []string
	eventually(t, patience, "every metric", func() bool {
		var there struct{ Data []string }
		if !get(t, p.prometheus+"/api/v1/label/__name__/values", &there) {
			return false
		}
		missing = slices.DeleteFunc(slices.Clone(named), func(name string) bool { return slices.Contains(there.Data, name) })
		if len(missing) > 0 {
			t.Logf("not there yet: %v", missing)
		}
		return len(missing) == 0
	})
	t.Logf("%d metrics are named, and there", len(named))
	volume, _ := filepath.Abs(root + "/deploy/prometheus")
	for _, args := range [][]string{{"check", "rules", "/rules/rules.yaml"}, {"test", "rules", "/rules/rules_test.yaml"}} {
		run := []string{"run", "--rm", "-T", "--no-deps", "-v", volume + ":/rules:ro", "--entrypoint", "promtool", "prometheus"}
		p.compose(t, append(run, args...)...)
	}
}

// Every file, with every choice of profiles, is one that compose can read; what must be told is asked for by name.
func TestComposeFiles_EveryCombinationIsValid(t *testing.T) {
	t.Parallel()
	own := []string{"MASKLINE_QUEUE=https://sqs.eu-west-1.amazonaws.com/1/x", "DATABASE_URL=postgres://db/x"}
	for _, files := range [][]string{
		{"docker-compose.yaml"}, {"docker-compose.yaml", "deploy/compose/localstack.yaml"},
		{"deploy/compose/own.yaml"}, {"deploy/compose/single.yaml"},
	} {
		for _, profiles := range []string{"", "tools", "observability", "tools,observability"} {
			p := &project{name: "maskline-config", files: files, env: append(own, "COMPOSE_PROFILES="+profiles)}
			if out, err := p.command("config", "-q").CombinedOutput(); err != nil || len(out) > 0 {
				t.Errorf("%v with profiles %q: %v\n%s", files, profiles, err, out)
			}
		}
	}
	for _, file := range []string{"deploy/compose/own.yaml", "deploy/compose/single.yaml"} {
		for i, missing := range []string{"MASKLINE_QUEUE", "DATABASE_URL"} {
			p := &project{name: "maskline-config", files: []string{file}, env: []string{own[1-i]}}
			out, err := p.command("config", "-q").CombinedOutput()
			if _, failed := err.(*exec.ExitError); !failed || !strings.Contains(string(out), missing) {
				t.Errorf("%s without %s: %v\n%s", file, missing, err, out)
			}
		}
	}
}

// The one-shots make queues, alter a schema and send samples: never where .env points.
func TestComposeFiles_OneShotsWorkOnWhatIsLocal(t *testing.T) {
	t.Parallel()
	const mark = "elsewhere"
	p := &project{name: "maskline-config", files: []string{"docker-compose.yaml"}}
	for _, name := range []string{
		"MASKLINE_QUEUE", "MASKLINE_DEAD_LETTER_QUEUE", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
		"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SQS", "DATABASE_URL", "PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGPASSWORD", "PGSERVICE", "MASKLINE_MAPPING",
	} {
		p.env = append(p.env, name+"="+mark)
	}
	var config struct {
		Services map[string]json.RawMessage `json:"services"`
	}
	if err := json.Unmarshal([]byte(p.compose(t, "config", "--format", "json")), &config); err != nil {
		t.Fatal(err)
	}
	var told []string
	for name, service := range config.Services {
		if strings.Contains(string(service), mark) {
			told = append(told, name)
		}
	}
	if slices.Sort(told); !slices.Equal(told, []string{"fetcher", "masker", "writer"}) {
		t.Errorf("the environment reaches %v", told)
	}
}
