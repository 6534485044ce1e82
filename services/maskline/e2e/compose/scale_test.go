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

// sending is a load under way.
type sending struct {
	messages int
	ended    chan string
}

// send starts sending messages that no other batch has.
func (p *project) send(t *testing.T, batch string, messages int) *sending {
	t.Helper()
	s := &sending{messages: messages, ended: make(chan string, 1)}
	cmd := p.command("run", "--rm", "-T", "--no-deps", "load", "load", "--yes",
		"--batch", batch, "--messages", strconv.Itoa(messages), "--rate", strconv.Itoa(rate))
	go func() {
		out, err := cmd.CombinedOutput()
		if err != nil {
			s.ended <- fmt.Sprintf("%v: %s", err, out)
		}
		close(s.ended)
	}()
	return s
}

// arrive waits until all that was sent is settled, and holds table and dead-letter queue against what they held before.
// Every hundredth message is malformed.
func (p *project) arrive(t *testing.T, s *sending, rowsBefore, lettersBefore int) {
	t.Helper()
	if trouble := <-s.ended; trouble != "" {
		t.Fatal(trouble)
	}
	malformed := s.messages / samples
	queue, letters := 0, 0
	eventually(t, patience, "an empty queue", func() bool { queue, letters = p.depths(t); return queue == 0 })
	if rows := p.rows(t) - rowsBefore; rows != s.messages-malformed {
		t.Errorf("%d new rows, want %d", rows, s.messages-malformed)
	}
	if letters -= lettersBefore; letters != malformed {
		t.Errorf("%d new dead letters, want %d", letters, malformed)
	}
}

// scaling takes each stage from one replica to three and back, under load, on the embedded queue.
func scaling(t *testing.T, p *project) {
	p.files = append(p.files, "services/maskline/e2e/compose/testdata/embedded-queue.yaml")
	p.up(t)
	_, letters := p.depths(t)
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
		p.arrive(t, s, rows, letters)
		_, letters = p.depths(t)
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

// kills ends each stage without a word while messages flow, then deploys all three anew.
func kills(t *testing.T, p *project) {
	_, letters := p.depths(t)
	rows := p.rows(t)
	s := p.send(t, "kills", killLoad)
	for _, stage := range []string{"writer", "masker", "fetcher"} {
		seen := p.rows(t)
		eventually(t, patience, "rows before the kill", func() bool { return p.rows(t) > seen })
		p.compose(t, "kill", "-s", "SIGKILL", stage)
		p.compose(t, "up", "-d", "--no-build", "--no-deps", "--no-recreate", stage)
		t.Logf("killed the %s at %d rows", stage, p.rows(t)-rows)
	}
	p.compose(t, "up", "-d", "--no-build", "--no-deps", "--force-recreate", "writer", "masker", "fetcher")
	t.Logf("deployed anew at %d rows of %d", p.rows(t)-rows, s.messages-s.messages/samples)
	p.arrive(t, s, rows, letters)
}
