package testkit

import (
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) { Main(m) }

// fake is a test that can fail without failing ours.
type fake struct {
	testing.TB

	failed   string
	logged   []string
	cleanups []func()
}

func (f *fake) Helper()             {}
func (f *fake) Log(args ...any)     { f.logged = append(f.logged, fmt.Sprint(args...)) }
func (f *fake) Cleanup(work func()) { f.cleanups = append(f.cleanups, work) }
func (f *fake) Fatal(...any)        { f.failed = "fatal"; runtime.Goexit() }
func (f *fake) Fatalf(format string, _ ...any) {
	f.failed = format
	runtime.Goexit()
}

// try runs work as a test would be run, and gives what it failed with.
func try(work func(f *fake)) *fake {
	f := &fake{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		work(f)
	}()
	<-done
	return f
}

func TestEventually_HoldsAsSoonAsTheConditionDoes(t *testing.T) {
	t.Parallel()
	looks := 0
	f := try(func(f *fake) {
		Eventually(f, time.Minute, func() bool { looks++; return looks == 4 }, "four looks")
	})
	if f.failed != "" || looks != 4 {
		t.Fatalf("failed %q after %d looks", f.failed, looks)
	}
}

func TestEventually_FailsWhenTimeIsUp(t *testing.T) {
	t.Parallel()
	f := try(func(f *fake) { Eventually(f, 5*time.Millisecond, func() bool { return false }, "never") })
	if !strings.HasPrefix(f.failed, "not within") {
		t.Fatalf("failed %q", f.failed)
	}
}

func TestLogger_DropsWhatComesAfterTheTest(t *testing.T) {
	t.Parallel()
	var log *slog.Logger
	f := try(func(f *fake) {
		log = Logger(f)
		log.Debug("during")
	})
	for _, work := range f.cleanups {
		work()
	}
	log.Info("after")
	if len(f.logged) != 1 || !strings.Contains(f.logged[0], "msg=during") {
		t.Fatalf("logged %q", f.logged)
	}
}

func TestGolden_ComparesAndUpdates(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "deep", "page.txt")
	if f := try(func(f *fake) { golden(f, path, []byte("one"), false) }); f.failed == "" {
		t.Error("a missing file passed")
	}
	if f := try(func(f *fake) { golden(f, path, []byte("one"), true) }); f.failed != "" {
		t.Errorf("update: %s", f.failed)
	}
	if f := try(func(f *fake) { golden(f, path, []byte("one"), false) }); f.failed != "" {
		t.Errorf("equal: %s", f.failed)
	}
	if f := try(func(f *fake) { golden(f, path, []byte("two"), false) }); f.failed == "" {
		t.Error("a difference passed")
	}
	if content, err := os.ReadFile(path); err != nil || string(content) != "one" {
		t.Errorf("content %q, %v", content, err)
	}
}

func TestPostgres_IsOneForTheWholeProcess(t *testing.T) {
	t.Parallel()
	dsn := Postgres(t)
	if again := Postgres(t); again != dsn {
		t.Fatalf("another one: %s", again)
	}
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
}

func TestShared_RefusesWithoutMainAndStopsOnce(t *testing.T) {
	t.Parallel()
	var s shared
	if _, err := s.get(); err == nil || !strings.Contains(err.Error(), "testkit.Main") {
		t.Fatalf("error %v", err)
	}
	s.enable()
	if _, err := s.get(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
	}
}
