package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/maskline/maskline/pkg/config"
	"github.com/maskline/maskline/pkg/lifecycle"
	"github.com/maskline/maskline/services/fetcher"
	"github.com/maskline/maskline/services/maskline/redrive"
)

func redriveCommand() command {
	return command{
		name:  "redrive",
		brief: "move dead letters back to the queue, as the same events",
		summary: "Moves the letters of the dead-letter queue back to MASKLINE_QUEUE. Each keeps its body, its attributes and its " +
			"identity: what is in the table already makes no second row, which SQS' own redrive cannot promise. A copy is sent " +
			"first, then the letter deleted; killed in between, both are there, and moving the letter again does no harm. Letters " +
			"that stay are hidden from others while it runs, for 5 minutes if it is killed, and their receive counts rise. An " +
			"interrupt ends it after the batch under way. It prints what was moved, by reason. Exit code 1: a letter that " +
			"should have been moved was not.",
		run: redriveLetters,
	}
}

type redriveSettings struct {
	Queues queuesSettings
	Reason string `flag:"reason" help:"Move only letters with this reason, for example bad_format."`
	Column string `flag:"column" help:"Move only letters that blame this column."`
	Limit  int    `flag:"limit" default:"0" min:"0" help:"Move so many at most; 0 is all."`
	Rate   string `flag:"rate" help:"Move so many a second at most, for example 50/s. Empty: as many as the queues take."`
	DryRun bool   `flag:"dry-run" help:"Say what would be moved, and move nothing."`
	Yes    bool   `flag:"yes" help:"Move also on a server that is not this machine."`

	rate int
}

// Validate reads the rate.
func (s *redriveSettings) Validate() []config.Complaint {
	if s.Rate == "" {
		return nil
	}
	n, err := strconv.Atoi(strings.TrimSuffix(s.Rate, "/s"))
	if err != nil || n < 1 {
		return []config.Complaint{{Key: "--rate", Value: s.Rate, Rule: "a number of messages a second, such as 50/s"}}
	}
	s.rate = n
	return nil
}

// errUnmoved says that something that should have been moved is still there; what, was printed.
var errUnmoved = errors.New("not all was moved: run it again")

func redriveLetters(ctx context.Context, cmd command, c call) error {
	var s redriveSettings
	if _, err := c.load(cmd, &s); err != nil {
		return err
	}
	if local, where := fetcher.Endpoint(s.Queues.Queue); !local && !s.Yes && !s.DryRun {
		return usage("maskline redrive: %s is not on this machine; add --yes to move letters there, or --dry-run to look", where)
	}
	source, letters, err := s.Queues.open(ctx)
	if err == nil && letters == nil {
		err = lifecycle.Exit(lifecycle.ExitUsage, errNoLetters)
	}
	if err != nil {
		return named(cmd, err)
	}
	report, err := redrive.Run(ctx, letters, source, redrive.Options{
		Reason: s.Reason, Column: s.Column, Limit: s.Limit, Rate: s.rate, DryRun: s.DryRun,
	})
	tellRedrive(c.stdout, report, s.DryRun)
	if err == nil && report.Failed+report.Undeleted > 0 {
		err = errUnmoved
	}
	if ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
		return lifecycle.Exit(lifecycle.ExitInterrupted, named(cmd, errors.New("interrupted; what is not moved was given back")))
	}
	return named(cmd, err)
}

func tellRedrive(w io.Writer, r redrive.Report, dry bool) {
	done := "moved"
	if dry {
		done = "would be moved"
	}
	_, _ = fmt.Fprintf(w, "%6d  %s\n", r.Total(), done)
	for _, why := range slices.Sorted(maps.Keys(r.Moved)) {
		_, _ = fmt.Fprintf(w, "%6d    %s\n", r.Moved[why], why)
	}
	for _, line := range []struct {
		n    int
		what string
	}{
		{r.Kept, "not asked for; they stay"},
		{r.Again, "of messages that were moved just now: a further copy, or rejected again; they stay"},
		{r.Failed, "not taken by the queue; they stay"},
		{r.Undeleted, "moved and not deleted: moving them again makes a duplicate, which makes no row"},
	} {
		if line.n > 0 {
			_, _ = fmt.Fprintf(w, "%6d  %s\n", line.n, line.what)
		}
	}
}
