package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// findBinaries is the folder asked for, else the first that holds a server, else what Fetch brings.
func findBinaries(ctx context.Context, opts Options, who account) (string, error) {
	if opts.Binaries != "" {
		if !holdsServer(opts.Binaries, who) {
			return "", fmt.Errorf("postgres binaries: %s: no initdb and postgres that user %s may run", opts.Binaries, who.name)
		}
		return filepath.Abs(opts.Binaries)
	}
	for _, dir := range candidates() {
		if holdsServer(dir, who) {
			return dir, nil
		}
	}
	return fetch(ctx, opts.Fetch, who)
}

// fetch asks the hook, and without one says what a person can do.
func fetch(ctx context.Context, hook func(context.Context) (string, error), who account) (string, error) {
	if hook == nil {
		return "", errors.New("postgres binaries: none found on PATH or in the usual places; " + advice())
	}
	dir, err := hook(ctx)
	if err != nil {
		return "", fmt.Errorf("postgres binaries: %w", err)
	}
	if !holdsServer(dir, who) {
		return "", fmt.Errorf("postgres binaries: %s: no initdb and postgres that user %s may run", dir, who.name)
	}
	return dir, nil
}

// candidates are PATH and where packages put the server, newest version first.
func candidates() []string {
	var dirs []string
	if path, err := exec.LookPath("postgres"); err == nil {
		if target, err := filepath.EvalSymlinks(path); err == nil {
			dirs = append(dirs, filepath.Dir(target))
		}
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin",          // Debian, Ubuntu
		"/usr/pgsql-*/bin",                   // RHEL, from postgresql.org
		"/usr/libexec/postgresql*",           // Alpine
		"/usr/lib/postgresql*/bin",           // SUSE
		"/opt/homebrew/opt/postgresql@*/bin", // Homebrew on Apple chips
		"/usr/local/opt/postgresql@*/bin",    // Homebrew on Intel
		"/opt/homebrew/opt/postgresql/bin",   // Homebrew, unversioned
		"/usr/local/opt/postgresql/bin",      // Homebrew, unversioned
		"/Applications/Postgres.app/*/*/bin", // Postgres.app
		"/usr/local/pgsql/bin", "/usr/bin",   // from source; Fedora, Arch
		"/opt/homebrew/bin", "/usr/local/bin", // linked by hand
	} {
		found, _ := filepath.Glob(pattern)
		slices.SortFunc(found, func(a, b string) int { return version(b) - version(a) })
		dirs = append(dirs, found...)
	}
	return dirs
}

// version is the last number in a path, 0 if there is none: folders are named by major version.
func version(path string) int {
	digits := strings.FieldsFunc(path, func(r rune) bool { return r < '0' || r > '9' })
	if len(digits) == 0 {
		return 0
	}
	n, err := strconv.Atoi(digits[len(digits)-1])
	if err != nil {
		return 0
	}
	return n
}

// holdsServer tells whether a folder has both programs and the account may reach them.
func holdsServer(dir string, who account) bool {
	for _, name := range []string{"initdb", "postgres"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
			return false
		}
	}
	absolute, err := filepath.Abs(dir)
	return err == nil && who.barrier(absolute) == ""
}

// advice names the package to install.
func advice() string {
	if runtime.GOOS == "darwin" {
		return "install them with: brew install postgresql"
	}
	return "install postgresql (Debian, Ubuntu, Alpine), postgresql-server (Fedora, RHEL, SUSE)"
}
