package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/maskline/maskline/services/masker/keys"
)

// The stages.
const (
	stageFetcher = "fetcher"
	stageMasker  = "masker"
	stageWriter  = "writer"
)

// stages are in the order of the data.
var stages = []string{stageFetcher, stageMasker, stageWriter}

// kit is what all scenarios share: the programs, built once, a key, and a folder for logs.
type kit struct {
	dir     string
	key     string
	keyText []byte
	// commit is that of the sources, with a mark if they differ from it.
	commit string
}

// newKit builds the programs with their failpoints.
func newKit(ctx context.Context) (_ *kit, err error) {
	dir, err := os.MkdirTemp("", "maskline-chaos-")
	if err != nil {
		return nil, err
	}
	k := &kit{dir: dir, key: filepath.Join(dir, "key.json")}
	defer func() {
		if err != nil {
			err = errors.Join(err, k.close())
		}
	}()
	if _, err = keys.Create(k.key, "k1"); err != nil {
		return nil, err
	}
	if k.keyText, err = os.ReadFile(k.key); err != nil {
		return nil, err
	}
	root, err := moduleFolder(ctx)
	if err != nil {
		return nil, err
	}
	if k.commit, err = commit(ctx, root); err != nil {
		return nil, err
	}
	for _, stage := range stages {
		if err = build(ctx, filepath.Join(root, "..", stage), "./cmd/"+stage, k.program(stage)); err != nil {
			return nil, err
		}
	}
	err = build(ctx, root, ".", k.program("maskline"))
	return k, err
}

func (k *kit) program(name string) string { return filepath.Join(k.dir, name) }

func (k *kit) close() error { return os.RemoveAll(k.dir) }

// build compiles a program as it is released, but for its failpoints.
func build(ctx context.Context, module, pkg, to string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-tags", "failpoint", "-ldflags", "-s -w", "-o", to, pkg) //nolint:gosec // Our own programs.
	cmd.Dir = module
	cmd.Env = append(os.Environ(), "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build of %s: %w: %s", filepath.Base(to), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// moduleFolder is that of services/maskline, whose neighbours the stages are.
func moduleFolder(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/maskline/maskline/services/maskline").Output()
	if err != nil {
		return "", fmt.Errorf("the card builds the programs from their sources, so it runs in the repository: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// commit names the sources. Results that are committed with their page do not count as a difference.
func commit(ctx context.Context, root string) (string, error) {
	git := func(args ...string) (string, error) {
		cmd := exec.CommandContext(ctx, "git", append([]string{"-C", root}, args...)...) //nolint:gosec // Our own words.
		out, err := cmd.Output()
		return strings.TrimSpace(string(out)), err
	}
	name, err := git("rev-parse", "--short=12", "HEAD")
	if err != nil {
		return "unknown", nil //nolint:nilerr // Sources without a repository are fine.
	}
	changed, err := git("status", "--porcelain", "--", ":/", ":(exclude,top)docs/results")
	if changed != "" {
		name += " with changes"
	}
	return name, err
}
