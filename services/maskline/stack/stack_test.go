package stack_test

import (
	"log/slog"
	"testing"

	"go.uber.org/goleak"

	"github.com/maskline/maskline/pkg/config"
	"github.com/maskline/maskline/pkg/lifecycle"
	"github.com/maskline/maskline/services/fetcher"
	"github.com/maskline/maskline/services/masker"
	"github.com/maskline/maskline/services/maskline/stack"
	"github.com/maskline/maskline/services/writer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// One configuration that no restart would mend is enough: nothing starts, and the exit code says so.
func TestNew_WrongConfigurationOfAnyStageEndsWith2(t *testing.T) {
	t.Parallel()
	for name, breaks := range map[string]func(*stack.Config){
		"writer":  func(c *stack.Config) { c.Writer.DatabaseURL = config.NewSecret("postgres://h:port/") },
		"masker":  func(c *stack.Config) { c.Masker.Mapping = "/nowhere.yaml" },
		"fetcher": func(c *stack.Config) { c.Fetcher.Listen = "0.0.0.0:0" },
	} {
		cfg := stack.Config{
			Fetcher: fetcher.Config{Queue: "x", Listen: "127.0.0.1:0"},
			Masker:  masker.Config{Mapping: "login-original", Listen: "127.0.0.1:0"},
			Writer:  writer.Config{Listen: "127.0.0.1:0"},
		}
		breaks(&cfg)
		if _, err := stack.New(cfg, stack.Deps{Logger: slog.New(slog.DiscardHandler)}); lifecycle.Code(err) != lifecycle.ExitUsage {
			t.Errorf("%s: got %v, want exit code 2", name, err)
		}
	}
}
