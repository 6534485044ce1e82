//go:build compose

package compose

import (
	"encoding/json"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Load for the chapters below: slow enough for a small machine, long enough for a stage to go to three and back.
const (
	rate       = 400
	settling   = 10 * time.Second
	watching   = 20 * time.Second
	scaleLoad  = rate * 50
	killLoad   = rate * 35
	unevenness = 0.25
)

// forLoad puts the embedded queue in the place of the other.
func (p *project) forLoad(t *testing.T) {
	t.Helper()
	const embedded = "services/maskline/e2e/compose/testdata/embedded-queue.yaml"
	if !slices.Contains(p.files, embedded) {
		p.files = append(p.files, embedded)
		p.up(t)
	}
}

// scaling takes each stage from one replica to three and back, under load.
func scaling(t *testing.T, p *project) {
	p.forLoad(t)
	for _, stage := range []string{"masker", "writer", "fetcher"} {
		rows := p.rows(t)
		s := p.send(t, stage, scaleLoad)
		eventually(t, patience, "rows", func() bool { return p.rows(t) > rows })
		p.scale(t, stage, 3)
		// These two waits are what is promised: after the first ten seconds the work is even.
		<-time.After(settling)
		before := p.received(t, stage)
		<-time.After(watching)
		shares(t, stage, before, p.received(t, stage))
		p.scale(t, stage, 1)
		if copies := p.arrive(t, s); copies > 0 {
			t.Errorf("%s: %d further copies of dead letters, though nothing died", stage, copies)
		}
	}
}

func (p *project) scale(t *testing.T, stage string, replicas int) {
	t.Helper()
	p.compose(t, "up", "-d", "--no-build", "--no-deps", "--no-recreate", "--scale", fmt.Sprintf("%s=%d", stage, replicas), stage)
}

// received is what each running replica has received, by container. All are asked at once, each by its own address.
func (p *project) received(t *testing.T, stage string) map[string]float64 {
	t.Helper()
	network, port := p.name+"_default", map[string]string{"fetcher": "7001", "masker": "7002", "writer": "7003"}[stage]
	image := strings.TrimSpace(p.compose(t, "--profile", "tools", "config", "--images", "grpcurl"))
	var mu sync.Mutex
	counts := map[string]float64{}
	var all sync.WaitGroup
	for _, id := range p.containers(t, stage) {
		address := strings.TrimSpace(docker(t, "inspect", "-f", `{{(index .NetworkSettings.Networks "`+network+`").IPAddress}}`, id))
		all.Go(func() {
			out, err := exec.Command("docker", "run", "--rm", "--network", network, image, "-plaintext",
				address+":"+port, "maskline.control.v1.ControlService/GetStatus").Output()
			var status struct {
				Counters map[string]string `json:"counters"`
			}
			if err == nil {
				err = json.Unmarshal(out, &status)
			}
			n, bad := strconv.ParseFloat(status.Counters["received"], 64)
			if err != nil || bad != nil {
				t.Errorf("status of %s %s: %v %v", stage, address, err, bad)
			}
			mu.Lock()
			defer mu.Unlock()
			counts[address] = n
		})
	}
	all.Wait()
	return counts
}

// shares: maskers and writers get batches, which are dealt evenly; fetchers take what the queue gives them.
func shares(t *testing.T, stage string, before, after map[string]float64) {
	t.Helper()
	total := 0.0
	got := map[string]float64{}
	for replica, n := range after {
		got[replica] = n - before[replica]
		total += got[replica]
	}
	t.Logf("%s: %v of %v", stage, slices.Sorted(maps.Values(got)), total)
	if len(got) != 3 || total == 0 {
		t.Errorf("%d replicas of the %s received %v messages", len(got), stage, total)
		return
	}
	for replica, n := range got {
		share := n / total
		if stage == "fetcher" && share < 0.1 {
			t.Errorf("%s %s: %.0f %% of the messages", stage, replica, 100*share)
		}
		if even := 1.0 / 3; stage != "fetcher" && (share < even*(1-unevenness) || share > even*(1+unevenness)) {
			t.Errorf("%s %s: %.0f %% of the messages", stage, replica, 100*share)
		}
	}
}

// kills ends each stage without a word while messages flow, then deploys another version of all three. A fetcher that dies
// between the copy for the dead-letter queue and the delete leaves a further copy, of the same origin: at least once.
func kills(t *testing.T, p *project) {
	p.forLoad(t)
	next := *p
	next.files = append(slices.Clone(p.files), "services/maskline/e2e/compose/testdata/redeploy.yaml")
	next.compose(t, "build", "--quiet", "fetcher", "masker", "writer") // so that there is load yet when it is deployed
	rows := p.rows(t)
	s := p.send(t, "kills", killLoad)
	for _, stage := range []string{"writer", "masker", "fetcher"} {
		seen := p.rows(t)
		eventually(t, patience, "rows before the kill", func() bool { return p.rows(t) > seen })
		p.compose(t, "kill", "-s", "SIGKILL", stage)
		p.compose(t, "up", "-d", "--no-build", "--no-deps", "--no-recreate", stage)
		t.Logf("killed the %s at %d rows", stage, p.rows(t)-rows)
	}
	old := p.containers(t, "writer", "masker", "fetcher")
	next.compose(t, "up", "-d", "--build", "--quiet-pull", "--no-deps", "writer", "masker", "fetcher")
	t.Logf("deployed anew at %d rows of %d messages", p.rows(t)-rows, killLoad)
	for _, id := range p.containers(t, "writer", "masker", "fetcher") {
		if slices.Contains(old, id) {
			t.Errorf("container %s is that of before the deployment", id)
		}
	}
	t.Logf("%d further copies of dead letters", p.arrive(t, s))
}
