package e2e

import (
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// memoryBound fills the fetcher's ceiling with bodies of 1 MiB before a slow database, and reads what the kernel has seen
// of each process under the limits of docker-compose.yaml. See docs/architecture.md, Memory.
func memoryBound(t *testing.T, dir string) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Log("nothing is shown here: only Linux tells the peak of a process, in /proc")
		return
	}
	const n = 180
	s := start(t, options{none: true})
	s.slowDown(t, 200*time.Millisecond)
	bounds, more := composeLimits(t), map[string][]string{}
	for name, b := range bounds {
		more[name] = []string{fmt.Sprintf("GOMEMLIMIT=%dMiB", b.soft)}
	}
	all := startProcesses(t, s, dir, more)
	s.sendLarge(t, 0, n)
	s.awaitEmpty(t)
	s.expectRows(t, n)
	for name, b := range bounds {
		peak, anonymous := memory(t, all[name].cmd.Process.Pid, "VmHWM"), memory(t, all[name].cmd.Process.Pid, "RssAnon")
		bound := b.soft * 6 / 5
		t.Logf("%s: peak %d MiB, anonymous at the end %d MiB, GOMEMLIMIT %d MiB, bound %d MiB", name, peak, anonymous, b.soft, bound)
		if peak > bound || bound > b.hard {
			t.Errorf("the %s reached %d MiB; the bound is %d MiB, and the container's limit %d MiB", name, peak, bound, b.hard)
		}
		if name == "fetcher" && peak < 128 && !raced { // a slow queue does not fill it
			t.Error("the fetcher's ceiling was not filled: the test shows nothing")
		}
	}
}

// limits are GOMEMLIMIT and the memory limit of a container, in MiB.
type limits struct{ soft, hard int }

// composeLimits reads those of the three services.
func composeLimits(t *testing.T) map[string]limits {
	t.Helper()
	text, err := os.ReadFile("../../../docker-compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]limits{}
	for _, name := range []string{"fetcher", "masker", "writer"} {
		found := regexp.MustCompile(`(?s)\n  ` + name + `:\n.*?memory: (\d+)M\}.*?GOMEMLIMIT: (\d+)MiB`).FindSubmatch(text)
		if found == nil {
			t.Fatalf("docker-compose.yaml: no limits of the %s", name)
		}
		hard, _ := strconv.Atoi(string(found[1]))
		soft, _ := strconv.Atoi(string(found[2]))
		all[name] = limits{soft, hard}
	}
	return all
}

// memory reads a line of /proc/<pid>/status, in MiB.
func memory(t *testing.T, pid int, key string) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, key+":"); ok {
			kib, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				t.Fatal(err)
			}
			return kib >> 10
		}
	}
	t.Fatalf("no %s in %s", key, status)
	return 0
}
