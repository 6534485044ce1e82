package testkit

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "write golden files instead of comparing with them")

// Golden compares got with testdata/name, and writes it there when the test runs with -update.
func Golden(tb testing.TB, name string, got []byte) {
	tb.Helper()
	golden(tb, filepath.Join("testdata", name), got, *update)
}

func golden(tb testing.TB, path string, got []byte, update bool) {
	tb.Helper()
	if update {
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o600); err != nil {
			tb.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		tb.Fatalf("golden file: %v; run the test with -update", err)
	}
	if !bytes.Equal(got, want) {
		tb.Fatalf("%s differs; run the test with -update and look at the difference\n got:\n%s\nwant:\n%s", path, got, want)
	}
}
