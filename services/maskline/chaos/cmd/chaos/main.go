// Command chaos runs the reliability card, or some of its scenarios, and writes what came out. It exits with 1 if any
// check fails.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/maskline/maskline/services/maskline/chaos"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("chaos", flag.ContinueOnError)
	short := flags.Bool("short", false, "the small edition, for CI: at most five minutes")
	names := flags.String("scenario", "", "run these only, comma separated")
	seed := flags.Uint64("seed", rand.Uint64N(1_000_000), "decides every random choice")
	folder := flags.String("out", "", "write the results as JSON files, and the page made of them, into this folder")
	page := flags.Bool("page", false, "make the page of -out anew from the results that are there, and leave")
	list := flags.Bool("list", false, "list the scenarios and leave")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	if *list {
		for _, s := range chaos.Scenarios() {
			_, _ = fmt.Fprintf(out, "%3d %-18s %s\n", s.Number, s.Name, s.Does)
		}
		return nil
	}
	if *page {
		return chaos.Write(*folder, nil)
	}
	settings := chaos.Settings{Short: *short, Seed: *seed, Out: out}
	if *names != "" {
		settings.Names = strings.Split(*names, ",")
	}
	_, _ = fmt.Fprintf(out, "seed %d\n", *seed)
	results, err := chaos.Card(ctx, settings)
	if err != nil {
		return err
	}
	if *folder != "" {
		if err := chaos.Write(*folder, results); err != nil {
			return err
		}
	}
	return chaos.Summarize(out, results)
}
