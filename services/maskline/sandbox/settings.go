package sandbox

import (
	"slices"
	"strings"
	"time"

	"github.com/maskline/maskline/pkg/config"
	"github.com/maskline/maskline/services/fetcher"
	"github.com/maskline/maskline/services/masker"
	"github.com/maskline/maskline/services/maskline/stack"
	"github.com/maskline/maskline/services/writer"
)

// anyPort lets the kernel choose, on loopback.
const anyPort = "127.0.0.1:0"

// tunable are the settings that the environment may change in a sandbox. The rest is the sandbox itself: a queue or a
// database of the environment is never touched.
func tunable() []string {
	return []string{
		"MASKLINE_COMMIT_MAX_ROWS", "MASKLINE_CONNECTIONS", "MASKLINE_MAX_IN_FLIGHT", "MASKLINE_MAX_IN_FLIGHT_BYTES",
		"MASKLINE_MAX_MESSAGES", "MASKLINE_POLLERS", "MASKLINE_REJECT_BRAKE",
	}
}

// Configure is the configuration of the three services for this sandbox, on ports that are free. environ is that of the
// process.
func (s *Sandbox) Configure(environ []string) (stack.Config, error) {
	cfg := stack.Config{
		Fetcher: fetcher.Config{Queue: s.Queue.URL, Listen: anyPort, WaitTime: time.Second, ShutdownGrace: 15 * time.Second},
		Masker:  masker.Config{Mapping: s.Mapping, KeyFile: s.KeyFile, Listen: anyPort, ShutdownGrace: 15 * time.Second},
		Writer: writer.Config{
			DatabaseURL: config.NewSecret(s.DSN), Tables: []string{s.Table}, Listen: anyPort, ShutdownGrace: 15 * time.Second,
		},
	}
	environ = slices.DeleteFunc(slices.Clone(environ), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return !slices.Contains(tunable(), name)
	})
	for _, one := range []any{&cfg.Fetcher, &cfg.Masker, &cfg.Writer} {
		if _, err := config.Load(one, config.Source{Environ: environ}); err != nil {
			return stack.Config{}, err
		}
	}
	return cfg, nil
}
