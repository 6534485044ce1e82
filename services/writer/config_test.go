package writer

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/maskline/maskline/pkg/config"
)

func load(args ...string) (Config, error) {
	var cfg Config
	_, err := config.Load(&cfg, config.Source{Program: "writer", Environ: args, Stdout: io.Discard})
	return cfg, err
}

func TestConfig_DefaultsAreThoseOfTheContract(t *testing.T) {
	t.Parallel()
	cfg, err := load()
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Listen != "127.0.0.1:7003" || cfg.CommitMaxRows != 1000 || cfg.Connections != 2 || len(cfg.Tables) != 1 ||
		cfg.Tables[0] != "user_logins" || cfg.MaxInFlightBytes != 64<<20 || cfg.ShutdownGrace.Seconds() != 30 || cfg.Plaintext {
		t.Errorf("%+v", cfg)
	}
}

func TestConfig_AllComplaintsComeAtOnceAndNoneTellsThePassword(t *testing.T) {
	t.Parallel()
	for _, dsn := range []string{
		"postgres://user:canary@host:port/db", "postgres://user:can%ary@host/db", "host=h password='canary", "canary",
		"postgres://u:canary@h/db?sslmode=sometimes", "postgres://u:canary@h/db?sslmode=verify-full&sslrootcert=/nowhere/ca",
	} {
		_, err := load("DATABASE_URL="+dsn, "MASKLINE_TABLES=a.b.c", "MASKLINE_CONNECTIONS=0", "MASKLINE_COMMIT_MAX_ROWS=10001")
		if _, ok := errors.AsType[*config.Error](err); !ok {
			t.Fatalf("%q: %v", dsn, err)
		}
		for _, key := range []string{"DATABASE_URL", "MASKLINE_TABLES", "MASKLINE_CONNECTIONS", "MASKLINE_COMMIT_MAX_ROWS"} {
			if !strings.Contains(err.Error(), key) {
				t.Errorf("%q: no complaint about %s: %v", dsn, key, err)
			}
		}
		if strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), "ary@") {
			t.Errorf("the password is told: %v", err)
		}
	}
}
