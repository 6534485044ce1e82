//go:build compose

package compose

import (
	"archive/tar"
	"encoding/json"
	"io"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// ours are the services whose images are built here.
var ours = []string{"fetcher", "masker", "writer", "init", "queue-init", "migrate", "load"}

// inspected is what docker inspect tells of a container, of which encoding/json finds the names as they are.
type inspected struct {
	Image  string
	Config struct {
		User   string
		Env    []string
		Labels map[string]string
	}
	HostConfig struct {
		ReadonlyRootfs bool
		Privileged     bool
		CapDrop        []string
		SecurityOpt    []string
		Memory         int64
		LogConfig      struct{ Config map[string]string }
		PortBindings   map[string][]struct{ HostIP string }
	}
}

func (c inspected) service() string { return c.Config.Labels["com.docker.compose.service"] }

func inspect(t *testing.T, p *project) (all []inspected, text string) {
	t.Helper()
	ids := strings.Fields(p.compose(t, "ps", "-aq"))
	text = docker(t, append([]string{"inspect"}, ids...)...)
	if err := json.Unmarshal([]byte(text), &all); err != nil { //nolint:musttag // Docker's names are Go's
		t.Fatal(err)
	}
	return all, text
}

// confined: no root, nothing to write to, no capability, bounded memory and logs, and only pages on 127.0.0.1.
func confined(t *testing.T, p *project) {
	containers, _ := inspect(t, p)
	for _, c := range containers {
		user := c.Config.User
		if user == "" || user == "root" || strings.HasPrefix(user, "0") {
			t.Errorf("%s runs as %q", c.service(), user)
		}
		if slices.Contains(ours, c.service()) && user != "65532:65532" {
			t.Errorf("%s runs as %q", c.service(), user)
		}
		h := c.HostConfig
		if !h.ReadonlyRootfs || h.Privileged || !slices.Equal(h.CapDrop, []string{"ALL"}) ||
			!slices.Contains(h.SecurityOpt, "no-new-privileges:true") || h.Memory == 0 || h.LogConfig.Config["max-size"] == "" {
			t.Errorf("%s is not confined: %+v", c.service(), h)
		}
		for port, bindings := range h.PortBindings {
			for _, b := range bindings {
				if b.HostIP != "127.0.0.1" || !slices.Contains([]string{"16686/tcp", "9090/tcp", "3000/tcp"}, port) {
					t.Errorf("%s publishes %s on %s", c.service(), port, b.HostIP)
				}
			}
		}
	}
	for _, id := range p.containers(t, "fetcher", "masker", "writer", "postgres") {
		for _, process := range strings.Split(strings.TrimSpace(docker(t, "top", id, "-eo", "pid,uid")), "\n")[1:] {
			if strings.HasSuffix(process, " 0") {
				t.Errorf("a process of %s runs as root: %s", id, process)
			}
		}
	}
	out, err := exec.Command("docker", "run", "--rm", "--read-only", "--entrypoint", "/bin/sh", containers[0].Image).CombinedOutput()
	if err == nil {
		t.Errorf("there is a shell: %s", out)
	}
}

var base64Key = regexp.MustCompile(`"secret":"([^"]+)"`)

// nothingSecret looks for the key and the password wherever a stranger may look, and for raw values in the logs.
func nothingSecret(t *testing.T, p *project) {
	password := strings.TrimSpace(p.compose(t, "exec", "-T", "postgres", "cat", "/secrets/login/password"))
	key := base64Key.FindStringSubmatch(readFile(t, p.containers(t, "masker")[0], "/secrets/key/key.json"))
	if len(password) < 20 || key == nil {
		t.Fatal("no password or no key: this test would find nothing")
	}
	containers, everything := inspect(t, p)
	images := map[string]bool{}
	for _, c := range containers {
		if slices.Contains(ours, c.service()) {
			images[c.Image] = true
		}
	}
	for image := range images {
		everything += docker(t, "history", "--no-trunc", image) + docker(t, "inspect", image)
	}
	logs := p.compose(t, "logs")
	for what, secret := range map[string]string{"the password": password, "the key": key[1]} {
		if strings.Contains(everything, secret) {
			t.Errorf("%s is in the configuration of a container or an image", what)
		}
		if strings.Contains(logs, secret) {
			t.Errorf("%s is in a log", what)
		}
	}
	// The samples' addresses are those reserved for documents and benchmarks; nothing else here has any of them.
	if raw := regexp.MustCompile(`\b(192\.0\.2|198\.51\.100|203\.0\.113|198\.18\.\d+)\.\d+\b`).FindString(logs); raw != "" {
		t.Errorf("a raw address is in a log: %s", raw)
	}
	for _, service := range []string{"fetcher", "writer"} {
		if out, err := exec.Command("docker", "cp", p.containers(t, service)[0]+":/secrets/key/key.json", "-").Output(); err == nil {
			t.Errorf("the %s has a mask key: %d bytes", service, len(out))
		}
	}
}

// readFile reads a file of a container that has no shell.
func readFile(t *testing.T, container, path string) string {
	t.Helper()
	archive := tar.NewReader(strings.NewReader(docker(t, "cp", container+":"+path, "-")))
	if _, err := archive.Next(); err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(archive)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
