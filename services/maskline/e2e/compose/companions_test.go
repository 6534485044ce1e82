//go:build compose

package compose

import (
	"strings"
	"testing"
)

// companions: own.yaml and single.yaml on the queue and the database of the story, whose own services are stopped.
func companions(t *testing.T, p *project) {
	const messages = 500
	p.forLoad(t)
	p.compose(t, "stop", "fetcher", "masker", "writer")
	// Their names must not answer for those of own.yaml in the network that they share.
	p.compose(t, "rm", "-f", "fetcher", "masker", "writer")
	password := strings.TrimSpace(p.compose(t, "exec", "-T", "postgres", "cat", "/secrets/login/password"))
	for _, name := range []string{"own", "single"} {
		t.Run(name, func(t *testing.T) {
			other := newProject(t, "maskline-"+name, "deploy/compose/"+name+".yaml",
				"services/maskline/e2e/compose/testdata/join.yaml", "services/maskline/e2e/compose/testdata/join-"+name+".yaml")
			other.env = append(other.env, "STORY="+p.name,
				"MASKLINE_QUEUE=http://queue:9324/000000000000/logins", "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local",
				"DATABASE_URL=postgres://maskline:"+password+"@postgres:5432/maskline")
			other.up(t)
			if copies := p.arrive(t, p.send(t, name, messages)); copies > 0 {
				t.Errorf("%d further copies of dead letters", copies)
			}
			began := other.compose(t, "ps", "--format", "{{.Service}} {{.Health}}")
			if strings.Contains(began, "unhealthy") || !strings.Contains(began, "healthy") {
				t.Errorf("containers:\n%s", began)
			}
		})
	}
}
