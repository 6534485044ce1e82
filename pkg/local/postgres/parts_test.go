package postgres

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestIsServer_OnlyPostgresOnThatVeryFolder(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]bool{
		"/usr/lib/postgresql/15/bin/postgres -D /data -p 1": true,
		"postmaster -p 1 -D /data":                          true,
		"postgres -D /data2":                                false,
		"postgres -D":                                       false,
		"postgres: checkpointer":                            false,
		"vim -D /data":                                      false,
		"":                                                  false,
	} {
		if got := isServer(strings.Fields(line), "/data"); got != want {
			t.Errorf("%q: %t", line, got)
		}
	}
}

func TestStopOrphan_SparesAProcessThatIsNotPostgresOnTheFolder(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	file := filepath.Join(data, "postmaster.pid")
	// A signal to this pid would end the test.
	if err := os.WriteFile(file, []byte(strconv.Itoa(os.Getpid())+"\n"+data+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := stopOrphan(t.Context(), data); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Fatalf("stale pid file: %v", err)
	}
}

func TestSweep_RemovesOldTemporaryFoldersWithoutAnOwner(t *testing.T) {
	t.Parallel()
	// Other tests sweep too; the outcome is the same whoever does it.
	who, err := serverAccount()
	if err != nil {
		t.Fatal(err)
	}
	folder := func(age time.Duration) string {
		top, err := os.MkdirTemp(who.temporary(), temporaryPattern) //nolint:usetesting // Where sweep looks.
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(top) })
		then := time.Now().Add(-age)
		if err := os.Chtimes(top, then, then); err != nil {
			t.Fatal(err)
		}
		return top
	}
	dead, young, owned := folder(time.Hour), folder(0), folder(time.Hour)
	lock, err := lockFolder(owned)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Close() }()
	then := time.Now().Add(-time.Hour)
	if err := os.Chtimes(owned, then, then); err != nil {
		t.Fatal(err)
	}
	sweep(who)
	for path, want := range map[string]bool{dead: false, young: true, owned: true} {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s: %v, want kept %t", path, err, want)
		}
	}
}

func TestVersion_IsTheLastNumberOfAPath(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]int{
		"/usr/lib/postgresql/17/bin": 17, "/opt/homebrew/opt/postgresql@16/bin": 16, "/usr/bin": 0,
	} {
		if got := version(path); got != want {
			t.Errorf("%s: %d", path, got)
		}
	}
}

func TestBarrier_NamesTheFolderThatTheAccountMayNotEnter(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	closed := filepath.Join(top, "closed")
	inside := filepath.Join(closed, "inside")
	if err := os.MkdirAll(inside, 0o750); err != nil {
		t.Fatal(err)
	}

	if err := os.Chmod(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	stranger := account{name: "stranger", uid: 4242, gid: 4242, switched: true}
	if got := stranger.barrier(inside); got == "" || !strings.HasPrefix(inside, got) {
		t.Errorf("barrier %q", got)
	}
	if got := (account{}).barrier(inside); got != "" {
		t.Errorf("barrier for ourselves %q", got)
	}
	if got := stranger.barrier("/"); got != "" {
		t.Errorf("barrier to the root folder %q", got)
	}
}

func TestFindBinaries_NamesWhatIsWrongWithTheFolderAskedFor(t *testing.T) {
	t.Parallel()
	_, err := findBinaries(t.Context(), Options{Binaries: t.TempDir()}, account{name: "1000"})
	if err == nil || !strings.Contains(err.Error(), "no initdb and postgres") {
		t.Fatalf("error %v", err)
	}
}

func TestFetch_FailureIsTheCause(t *testing.T) {
	t.Parallel()
	cause := errors.New("no network")
	_, err := fetch(t.Context(), func(context.Context) (string, error) { return "", cause }, account{})
	if !errors.Is(err, cause) {
		t.Fatalf("error %v", err)
	}
	if _, err := fetch(t.Context(), nil, account{}); err == nil || !strings.Contains(err.Error(), "install") {
		t.Fatalf("error %v", err)
	}
}
