package sandbox_test

import (
	"testing"

	"github.com/maskline/maskline/services/maskline/sandbox"
)

// Whatever the environment says, a sandbox stays on its own queue, database and ports.
func TestConfigure_TakesTuningFromTheEnvironmentAndNothingElse(t *testing.T) {
	t.Parallel()
	box := &sandbox.Sandbox{
		Queue: &sandbox.Queue{URL: "http://127.0.0.1:1/000000000000/events"}, DSN: "postgres://127.0.0.1:1/own",
		Mapping: "login", Table: "user_logins", KeyFile: "/own/key.json",
	}
	cfg, err := box.Configure([]string{
		"MASKLINE_QUEUE=https://sqs.eu-west-1.amazonaws.com/1/theirs", "DATABASE_URL=postgres://theirs/", "MASKLINE_KEY_FILE=/theirs",
		"MASKLINE_TABLES=theirs", "MASKLINE_MAPPING=theirs", "MASKLINE_LISTEN=0.0.0.0:7001", "MASKLINE_ON_REJECT=discard",
		"MASKLINE_DEAD_LETTER_QUEUE=theirs", "MASKLINE_CONFIG=/theirs", "MASKLINE_POLLERS=7", "MASKLINE_COMMIT_MAX_ROWS=3",
	})
	if err != nil {
		t.Fatal(err)
	}
	f, m, w := cfg.Fetcher, cfg.Masker, cfg.Writer
	if f.Queue != box.Queue.URL || f.DeadLetterQueue != "" || f.OnReject != "dead-letter" || f.Listen != "127.0.0.1:0" ||
		m.KeyFile != box.KeyFile || m.Mapping != "login" || m.Listen != "127.0.0.1:0" ||
		w.DatabaseURL.Reveal() != box.DSN || len(w.Tables) != 1 || w.Tables[0] != "user_logins" || w.Listen != "127.0.0.1:0" {
		t.Errorf("the environment leads out of the sandbox: %+v", cfg)
	}
	if f.Pollers != 7 || w.CommitMaxRows != 3 || f.MaxMessages != 10 {
		t.Errorf("tuning: %d pollers, %d rows, %d messages", f.Pollers, w.CommitMaxRows, f.MaxMessages)
	}
	if _, err := box.Configure([]string{"MASKLINE_POLLERS=many"}); err == nil {
		t.Error("a wrong value is taken")
	}
}
