package config_test

import (
	"fmt"
	"os"
	"time"

	"github.com/maskline/maskline/pkg/config"
)

func ExampleLoad() {
	var cfg struct {
		Queue string        `env:"MASKLINE_QUEUE" required:"true" help:"URL or name of the queue."`
		Wait  time.Duration `env:"MASKLINE_WAIT_TIME" default:"20s" max:"20s" help:"How long a receive waits."`
	}
	_, err := config.Load(&cfg, config.Source{
		Program: "fetcher",
		Args:    []string{"--wait-time", "30"},
		Environ: []string{"MASKLINE_QUUEE=logins"},
		Stdout:  os.Stdout,
	})
	fmt.Println(err)

	_, err = config.Load(&cfg, config.Source{
		Program: "fetcher",
		Args:    []string{"--wait-time", "5s"},
		Environ: []string{"MASKLINE_QUEUE=logins"},
		Stdout:  os.Stdout,
	})
	fmt.Println(cfg.Queue, cfg.Wait, err)
	// Output:
	// environment: MASKLINE_QUUEE: unknown; did you mean MASKLINE_QUEUE?
	// flag --wait-time="30": needs a unit, such as 30s or 30ms
	// MASKLINE_QUEUE: required: URL or name of the queue.
	// logins 5s <nil>
}
