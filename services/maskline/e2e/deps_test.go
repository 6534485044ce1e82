package e2e

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestLaw_NoBinaryHoldsWhatItsServiceMustNotHave asks the compiler's own list, without the workspace: least privilege
// is a property of the build, not a habit.
func TestLaw_NoBinaryHoldsWhatItsServiceMustNotHave(t *testing.T) {
	t.Parallel()
	const ours = "github.com/maskline/maskline/"
	for service, forbidden := range map[string][]string{
		"fetcher": {"github.com/jackc/pgx", ours + "proto/gen/maskline/writer", ours + "services/writer", ours + "services/masker", ours + "pkg/local", ours + "pkg/testkit"},
		"masker":  {"github.com/aws/", "github.com/jackc/pgx", ours + "services/writer", ours + "services/fetcher", ours + "pkg/local", ours + "pkg/testkit"},
		"writer":  {"github.com/aws/", ours + "proto/gen/maskline/masker", ours + "services/masker", ours + "services/fetcher", ours + "pkg/local", ours + "pkg/testkit"},
	} {
		t.Run(service, func(t *testing.T) {
			t.Parallel()
			list := exec.CommandContext(t.Context(), "go", "list", "-deps", "./cmd/"+service)
			list.Dir = "../../" + service
			list.Env = append(os.Environ(), "GOWORK=off")
			out, err := list.CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			for dep := range strings.Lines(string(out)) {
				for _, f := range forbidden {
					if strings.HasPrefix(dep, f) {
						t.Errorf("the %s holds %s", service, strings.TrimSpace(dep))
					}
				}
			}
		})
	}
}
