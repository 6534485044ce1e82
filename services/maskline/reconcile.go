package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/maskline/maskline/pkg/config"
	"github.com/maskline/maskline/pkg/lifecycle"
	"github.com/maskline/maskline/services/fetcher"
	"github.com/maskline/maskline/services/maskline/ledger"
)

// exitPending is reconcile's exit code for messages that are still on the way.
const exitPending = 3

const (
	// remoteSettle is the time between two readings of a depth: counts on AWS lag behind.
	remoteSettle = 5 * time.Second
	// waitPause is how often --wait looks at the depth.
	waitPause = 500 * time.Millisecond
)

func reconcileCommand() command {
	return command{
		name: "reconcile", positional: "LEDGER",
		brief: "account for every message of a ledger",
		summary: "Holds the ledger that maskline send --ledger wrote against the table, the dead-letter queue and the source queue, " +
			"by SQL and SQS calls of its own: every id is in the table once, with the expected values, or in the dead-letter queue " +
			"with the expected reason, or pending, or lost. Reading the dead-letter queue raises receive counts and hides its " +
			"letters meanwhile; nothing else is changed. Exit code 0: everything adds up. 1: something is lost, doubled or " +
			"wrong, or could not be looked at. 3: messages are pending, for the source queue is not empty.",
		run: reconcile,
	}
}

type reconcileSettings struct {
	Queues  queuesSettings
	Table   tableSettings
	Wait    time.Duration `flag:"wait" default:"0s" min:"0s" max:"24h" help:"Wait so long at most until nothing is pending."`
	Drained bool          `flag:"drained" help:"Take the source queue for empty: what is nowhere is lost."`
	Others  bool          `flag:"others" help:"Table and dead-letter queue hold other messages too; do not report them."`
	JSON    bool          `flag:"json" help:"Print the account as one JSON object."`
	Search  []string      `flag:"search" help:"Files, such as logs, to be searched for raw values."`
	Raw     string        `flag:"raw" help:"The messages that were sent with send --file, whose ip and device_id --search looks for. Without it: the canaries of generated logins."`
}

// Validate implements config.Validator.
func (s *reconcileSettings) Validate() []config.Complaint { return s.Table.validate() }

// reconciled is what --json prints.
type reconciled struct {
	ledger.Findings

	// Leaks are places of raw values in the searched files.
	Leaks    []string `json:"leaks"`
	Searched int64    `json:"searched_bytes"`
	// Fault says what does not add up.
	Fault string `json:"fault,omitempty"`
}

func reconcile(ctx context.Context, cmd command, c call) error {
	var s reconcileSettings
	rest, err := c.load(cmd, &s)
	if err != nil {
		return err
	}
	if len(rest) == 0 {
		return usage("maskline reconcile: LEDGER is missing; maskline send --ledger writes one")
	}
	sent, err := ledger.ReadFile(rest[0])
	if err != nil {
		return usage("maskline reconcile: %w", err)
	}
	needles, err := searchFor(s.Raw)
	if err != nil {
		return named(cmd, err)
	}
	place, end, err := s.place(ctx, c)
	if err != nil {
		return named(cmd, err)
	}
	defer end()
	var r reconciled
	if r.Findings, err = s.judge(ctx, place, sent); err != nil {
		return named(cmd, err)
	}
	if r.Leaks, r.Searched, err = searchFiles(s.Search, needles); err != nil {
		return named(cmd, err)
	}
	verdict := r.Err()
	if len(r.Leaks) > 0 {
		leaked := fmt.Errorf("%d raw values found", len(r.Leaks))
		if verdict == nil || errors.Is(verdict, ledger.ErrPending) {
			verdict = leaked
		} else {
			verdict = errors.Join(verdict, leaked)
		}
	}
	if err := r.print(c.stdout, s.JSON, verdict); err != nil {
		return named(cmd, err)
	}
	if errors.Is(verdict, ledger.ErrPending) {
		return lifecycle.Exit(exitPending, named(cmd, verdict))
	}
	return named(cmd, verdict)
}

func (s *reconcileSettings) place(ctx context.Context, c call) (place ledger.Place, end func(), err error) {
	place.Table = s.Table.Table
	if place.Source, place.DeadLetters, err = s.Queues.open(ctx); err != nil {
		return place, nil, err
	}
	place.DB, end, err = s.Table.connect(ctx, c)
	return place, end, err
}

// judge reconciles, again and again for as long as it may wait for what is pending.
func (s *reconcileSettings) judge(ctx context.Context, place ledger.Place, sent []ledger.Expected) (f ledger.Findings, err error) {
	options := ledger.Options{Drained: s.Drained, Others: s.Others}
	if local, _ := fetcher.Endpoint(s.Queues.Queue); !local {
		options.Settle = remoteSettle
	}
	for began := time.Now(); ; {
		// The depth is asked first: it is cheap, and a look at the letters is not.
		for depth, err := place.Source.Depth(ctx); time.Since(began) < s.Wait && (err != nil || depth.Sum() > 0); depth, err = place.Source.Depth(ctx) {
			if err := pause(ctx, waitPause); err != nil {
				return f, err
			}
		}
		if f, err = ledger.Reconcile(ctx, place, sent, options); err != nil || f.Pending.Count == 0 || time.Since(began) >= s.Wait {
			return f, err
		}
		if err := pause(ctx, waitPause); err != nil {
			return f, err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (r reconciled) print(w io.Writer, asJSON bool, verdict error) error {
	if asJSON {
		if verdict != nil {
			r.Fault = verdict.Error()
		}
		return json.NewEncoder(w).Encode(r)
	}
	lines := []string{
		fmt.Sprintf("%8d  sent, says the ledger", r.Sent),
		fmt.Sprintf("%8d  in the table", r.InTable),
		fmt.Sprintf("%8d  in the dead-letter queue, and %d further copies", r.DeadLettered, r.LetterCopies),
		fmt.Sprintf("%8d  left out by the mapping", r.Skipped),
		fmt.Sprintf("%8d  pending; the source queue holds %s", r.Pending.Count, r.Source),
	}
	for _, l := range []struct {
		what string
		list ledger.List
	}{
		{"lost", r.Lost},
		{"doubled", r.Doubled},
		{"with another row than expected", r.Wrong},
		{"dead-lettered though good", r.GoodDeadLettered},
		{"in the table though bad", r.BadInTable},
		{"dead-lettered with another reason than expected", r.WrongReason},
		{"dead-lettered without a reason", r.Unexplained},
		{"rows or letters that nobody sent", r.Strangers},
	} {
		lines = append(lines, fmt.Sprintf("%8d  %s", l.list.Count, l.what))
		for _, id := range l.list.IDs {
			lines = append(lines, "            "+id)
		}
	}
	if r.Others > 0 {
		lines = append(lines, fmt.Sprintf("%8d  rows and letters of others", r.Others))
	}
	if r.Searched > 0 || len(r.Leaks) > 0 {
		lines = append(lines, fmt.Sprintf("%8d  raw values in %d bytes searched", len(r.Leaks), r.Searched))
		for _, leaked := range r.Leaks {
			lines = append(lines, "            "+leaked)
		}
	}
	_, err := io.WriteString(w, strings.Join(lines, "\n")+"\n")
	return err
}
