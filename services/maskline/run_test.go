package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/maskline/maskline/pkg/testkit"
	"github.com/maskline/maskline/services/masker/keys"
)

func TestRun_DrainsTheConfiguredQueueIntoTheConfiguredDatabase(t *testing.T) {
	t.Parallel()
	server, _ := newQueue(t, redrivePolicy(20))
	dsn, db := newDB(t, "")
	environ := []string{
		"MASKLINE_QUEUE=" + server.URL("events"), "DATABASE_URL=" + dsn, "MASKLINE_KEY_FILE=" + write(t, "key.json", goldenKey),
		"MASKLINE_KEEP_LISTENING=false", "MASKLINE_WAIT_TIME=1s", "MASKLINE_LISTEN=127.0.0.1:0", "MASKLINE_LOG_LEVEL=error",
	}
	maskline(t, environ, "", "migrate").want(t, 0)
	maskline(t, environ, "", "send", "--messages", "200").want(t, 0)
	e := maskline(t, environ, "", "run").want(t, 0)
	var totals map[string]uint64
	if err := json.Unmarshal([]byte(e.stdout), &totals); err != nil {
		t.Fatal(err)
	}
	if totals["committed"] != 198 || totals["dead_lettered"] != 2 || number(t, db, "SELECT count(*) FROM user_logins") != 198 {
		t.Errorf("totals %v", totals)
	}
}

func TestRunConfig_SharedNamesReachEveryStageAndOthersKeepTheirDefaults(t *testing.T) {
	t.Parallel()
	load := func(args ...string) (cfg [3]int64, keep bool, level [3]string) {
		c := call{args: args, environ: []string{"MASKLINE_QUEUE=x"}, stdout: io.Discard}
		got, err := runConfig(runCommand(), c)
		if err != nil {
			t.Fatal(err)
		}
		if got.Fetcher.Queue != "x" || got.Masker.Mapping != "login" || got.Writer.CommitMaxRows != 1000 || got.Masker.Listen != "127.0.0.1:0" {
			t.Errorf("defaults are missing: %+v", got)
		}
		return [3]int64{int64(got.Fetcher.MaxInFlightBytes), int64(got.Masker.MaxInFlightBytes), int64(got.Writer.MaxInFlightBytes)},
			got.Fetcher.KeepListening, [3]string{got.Fetcher.LogLevel, got.Masker.LogLevel, got.Writer.LogLevel}
	}
	if bytes, keep, level := load(); bytes != [3]int64{128 << 20, 64 << 20, 64 << 20} || !keep || level != [3]string{"info", "info", "info"} {
		t.Errorf("defaults: %v %v %v", bytes, keep, level)
	}
	bytes, keep, level := load("--max-in-flight-bytes", "64MiB", "--keep-listening=false", "--log-level", "debug")
	if bytes != [3]int64{64 << 20, 64 << 20, 64 << 20} || keep || level != [3]string{"debug", "debug", "debug"} {
		t.Errorf("given: %v %v %v", bytes, keep, level)
	}
}

// up starts dev and returns what it printed once it is up, and a function that stops it.
func up(t *testing.T, args ...string) (addresses string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := execute(ctx, call{args: append([]string{"dev"}, args...), stdout: writer, stderr: io.Discard, stdin: strings.NewReader("")})
		_ = writer.Close()
		done <- err
	}()
	stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("dev: %v", err)
		}
	}
	scanner := bufio.NewScanner(reader)
	for scanner.Scan() {
		addresses += scanner.Text() + "\n"
		if strings.HasPrefix(scanner.Text(), "Key and database are") {
			go func() { _, _ = io.Copy(io.Discard, reader) }()
			return addresses, stop
		}
	}
	stop()
	t.Fatalf("dev ended: %s", addresses)
	return "", nil
}

// openDir makes a folder that Postgres' own user may enter, which t.TempDir is not.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "maskline-dev-") //nolint:usetesting // As above.
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// after is the rest of the word that follows a text.
func after(text, mark string) string {
	_, rest, _ := strings.Cut(text, mark)
	return rest[:strings.IndexAny(rest+"\n", " \n'")]
}

func TestDev_KeepsKeyAndRowsOverARestart(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	first, stop := up(t, "--data", dir, "--messages", "50")
	db := connectTo(t, after(first, "psql '"))
	count := func() int { return number(t, db, "SELECT count(*) FROM user_logins") }
	testkit.Eventually(t, 30*time.Second, func() bool { return count() == 50 }, "50 rows")
	maskline(t, []string{"MASKLINE_QUEUE=" + after(first, "MASKLINE_QUEUE=")}, "", "send", "--messages", "10").want(t, 0)
	testkit.Eventually(t, 30*time.Second, func() bool { return count() == 60 }, "60 rows")
	before, err := keys.Load(dir + "/key.json")
	if err != nil {
		t.Fatal(err)
	}
	stop()

	second, stop := up(t, "--data", dir)
	defer stop()
	db = connectTo(t, after(second, "psql '"))
	if n := count(); n != 60 {
		t.Errorf("%d rows after a restart, want 60", n)
	}
	now, err := keys.Load(dir + "/key.json")
	if err != nil {
		t.Fatal(err)
	}
	_, a := before.CheckValue()
	if _, b := now.CheckValue(); a != b {
		t.Error("the key changed over a restart")
	}
}
