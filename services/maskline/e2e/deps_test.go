package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/maskline/maskline/pkg/failpoint"
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

// TestLaw_NoReleaseHoldsAFailpoint searches a binary for the words that it would need to have them. One that is built
// with them shows that the search finds something.
func TestLaw_NoReleaseHoldsAFailpoint(t *testing.T) {
	t.Parallel()
	words := []string{"FAILPOINTS", "FAILPOINT_LOG"}
	for _, name := range failpoint.Names() {
		words = append(words, string(name))
	}
	for tags, want := range map[string]bool{"": false, "failpoint": true} {
		file := filepath.Join(t.TempDir(), "writer")
		build := exec.CommandContext(t.Context(), "go", "build", "-tags", tags, "-o", file, "./cmd/writer")
		build.Dir = "../../writer"
		build.Env = append(os.Environ(), "GOWORK=off")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		binary, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range words {
			if bytes.Contains(binary, []byte(word)) != want {
				t.Errorf("built with tags %q: it is %t that the writer holds %s", tags, !want, word)
			}
		}
	}
}
