package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/maskline/maskline/pkg/config"
	"github.com/maskline/maskline/pkg/lifecycle"
	"github.com/maskline/maskline/services/fetcher"
	"github.com/maskline/maskline/services/maskline/ledger"
)

// exitUnknown is explain's exit code for a message that it has not found.
const exitUnknown = 4

func explainCommand() command {
	return command{
		name: "explain", positional: "MESSAGE_ID",
		brief: "say where a message is",
		summary: "Looks for a message, by its MessageId or by the id in its maskline-origin attribute, in the table and in the " +
			"dead-letter queue, and prints the row as it stands there, or the reason. The event id is made of the id and the sent " +
			"time: with --sent-at the row is found by its index, with --day one day of the index is read, without them the whole " +
			"table. Looking through the dead-letter queue raises receive counts and hides its letters meanwhile; --table-only " +
			"leaves it alone. Exit code 0: found. 4: in neither place.",
		run: explain,
	}
}

type explainSettings struct {
	Queue           string `env:"MASKLINE_QUEUE" help:"Queue that it was sent to: a name or a URL. Empty: only the table is looked at."`
	DeadLetterQueue string `env:"MASKLINE_DEAD_LETTER_QUEUE" help:"Its dead-letter queue. Empty: the one of its redrive policy."`
	Table           tableSettings
	SentAt          string `flag:"sent-at" help:"When it was first sent: RFC 3339, or milliseconds of Unix time."`
	Day             string `flag:"day" help:"The UTC day on which it was first sent, for example 2026-11-25."`
	TableOnly       bool   `flag:"table-only" help:"Look at the table only."`

	span ledger.Span
}

// Validate reads the time.
func (s *explainSettings) Validate() []config.Complaint {
	complaints := s.Table.validate()
	if s.SentAt != "" && s.Day != "" {
		return append(complaints, config.Complaint{Key: "--day", Rule: "not together with --sent-at, which says more"})
	}
	if s.SentAt != "" {
		at, err := moment(s.SentAt)
		if err != nil {
			complaints = append(complaints, config.Complaint{Key: "--sent-at", Value: s.SentAt, Rule: "RFC 3339 with milliseconds, or milliseconds of Unix time"})
		}
		s.span = ledger.Span{From: at, To: at.Add(time.Millisecond)}
	}
	if s.Day != "" {
		day, err := time.Parse(time.DateOnly, s.Day)
		if err != nil {
			complaints = append(complaints, config.Complaint{Key: "--day", Value: s.Day, Rule: "a date, such as 2026-11-25"})
		}
		s.span = ledger.Span{From: day, To: day.AddDate(0, 0, 1)}
	}
	return complaints
}

func moment(text string) (time.Time, error) {
	if ms, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.UnixMilli(ms).UTC(), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	return at.UTC().Truncate(time.Millisecond), err
}

// errUnknown says that a message is in neither place.
var errUnknown = errors.New("not found")

func explain(ctx context.Context, cmd command, c call) error {
	var s explainSettings
	rest, err := c.load(cmd, &s)
	if err != nil {
		return err
	}
	if len(rest) == 0 {
		return usage("maskline explain: MESSAGE_ID is missing")
	}
	id := rest[0]
	if origin, err := fetcher.ParseOrigin(id); err == nil { // the whole attribute, as it stands in a message
		at := time.UnixMilli(origin.SentMS).UTC()
		id, s.span = origin.ID, ledger.Span{From: at, To: at.Add(time.Millisecond)}
	}
	inTable, err := s.explainRow(ctx, c, id)
	if err != nil {
		return named(cmd, err)
	}
	inQueue := false
	if s.Queue == "" || s.TableOnly {
		_, err = io.WriteString(c.stdout, "queues: not looked at\n")
	} else {
		inQueue, err = s.explainLetters(ctx, c.stdout, id, inTable)
	}
	if err == nil && !inTable && !inQueue {
		err = lifecycle.Exit(exitUnknown, fmt.Errorf("message %s: %w", id, errUnknown))
	}
	return named(cmd, err)
}

// explainRow prints the rows of a message.
func (s *explainSettings) explainRow(ctx context.Context, c call, id string) (found bool, err error) {
	db, end, err := s.Table.connect(ctx, c)
	if err != nil {
		return false, err
	}
	defer end()
	if s.span.From.IsZero() {
		_, _ = fmt.Fprintf(c.stderr, "reading the whole table %s, for the index is by time: --sent-at or --day is quicker\n", s.Table.Table)
	}
	rows, err := ledger.Rows{DB: db, Table: s.Table.Table}.Find(ctx, id, s.span)
	if err != nil {
		return false, err
	}
	for _, r := range rows {
		_, _ = fmt.Fprintf(c.stdout, "table %s: a row, first sent %s\n  %s\n", s.Table.Table, r.SentAt().Format("2006-01-02T15:04:05.000Z07:00"), r.JSON)
	}
	if len(rows) > 1 {
		_, _ = fmt.Fprintf(c.stdout, "  doubled: %d rows of one message\n", len(rows))
	}
	if len(rows) == 0 {
		_, _ = fmt.Fprintf(c.stdout, "table %s: no row%s\n", s.Table.Table, s.within())
	}
	return len(rows) > 0, nil
}

func (s *explainSettings) within() string {
	switch {
	case s.Day != "":
		return " of that day"
	case !s.span.From.IsZero():
		return " of that time"
	}
	return ""
}

// explainLetters prints the letters of a message, or how much the queues hold and what that may mean.
func (s *explainSettings) explainLetters(ctx context.Context, w io.Writer, id string, inTable bool) (found bool, err error) {
	source, letters, err := queuesSettings{Queue: s.Queue, DeadLetterQueue: s.DeadLetterQueue}.open(ctx)
	if err != nil {
		return false, err
	}
	unread := 0
	if letters == nil {
		_, _ = io.WriteString(w, "dead-letter queue: there is none\n")
	} else {
		var told []ledger.Letter
		if told, unread, err = ledger.FindLetters(ctx, letters, id); err != nil {
			return false, err
		}
		_, _ = fmt.Fprintf(w, "dead-letter queue: %d letters of it; %d could not be looked at, for others hide them\n", len(told), unread)
		for _, l := range told {
			_, _ = fmt.Fprintf(w, "  %s\n", l.Reject)
		}
		found = len(told) > 0
	}
	if found || inTable {
		return found, nil
	}
	depth, err := source.Depth(ctx)
	if err != nil {
		return false, err
	}
	_, _ = fmt.Fprintf(w, "queue: %s\n", depth)
	for _, line := range []struct {
		may  bool
		text string
	}{
		{depth.Sum() > 0, "it may be one of those: a queue does not say which messages it holds"},
		{unread > 0, "it may be one of the hidden letters"},
		{s.within() != "", "its row may be of another time: look again without --sent-at and --day"},
		{true, "or the mapping has left it out (otherwise: skip), MASKLINE_ON_REJECT has discarded it,"},
		{true, "it is older than what table and queues keep, or it was never sent to this queue"},
	} {
		if line.may {
			_, _ = fmt.Fprintf(w, "  %s\n", line.text)
		}
	}
	return false, nil
}
