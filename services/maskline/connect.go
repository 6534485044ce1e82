package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/maskline/maskline/services/fetcher"
	"github.com/maskline/maskline/services/masker/mapping"
	"github.com/maskline/maskline/services/writer"
)

// connectPatience is how long check waits for a queue or a database.
const connectPatience = 15 * time.Second

// fewReceives is the maxReceiveCount below which SQS itself dead-letters good messages in times of trouble.
const fewReceives = 10

// errFaults says that something would not work; what, was printed.
var errFaults = errors.New("something would not work: see what is to be fixed above")

// connect looks at the queue and the database, both in any case, and changes neither.
func connect(ctx context.Context, cmd command, c call, s checkSettings, m *mapping.Mapping) error {
	ctx, cancel := context.WithTimeout(ctx, connectPatience)
	defer cancel()
	queue := checkQueue(ctx, c.stdout, s)
	table := checkTable(ctx, c, s, m)
	if !slices.Contains(s.Tables, m.Table()) {
		_, _ = fmt.Fprintf(c.stdout, "\nfor the writer, set MASKLINE_TABLES=%s\n", m.Table())
	}
	if !queue || !table {
		return named(cmd, errFaults)
	}
	return nil
}

// checkQueue prints what the fetcher would find.
func checkQueue(ctx context.Context, w io.Writer, s checkSettings) (ok bool) {
	if s.Queue == "" {
		_, _ = io.WriteString(w, "\nqueue: not verified, for MASKLINE_QUEUE is not set\n")
		return true
	}
	_, _ = fmt.Fprintf(w, "\nqueue %s\n", s.Queue)
	d, counts, err := lookAt(ctx, s.Queue, s.DeadLetterQueue)
	if err != nil {
		row(w, "to fix", "%s", err)
		return false
	}
	ok = true
	fault := func(text string) { ok = false; row(w, "to fix", "%s", text) }
	row(w, "depth", "%s", counts)
	row(w, "visibility timeout", "%s", d.Visibility)
	row(w, "largest message", "%d bytes", d.MaxMessageBytes)
	if d.MaxReceiveCount > 0 {
		row(w, "redrive policy", "after %d receives", d.MaxReceiveCount)
	} else {
		row(w, "redrive policy", "none")
	}
	if d.FIFO {
		fault("FIFO queues are not supported: their order would need a design of its own")
	}
	if 0 < d.MaxReceiveCount && d.MaxReceiveCount < fewReceives {
		row(w, "to know", "max_receive_count %d is low: SQS itself would dead-letter good messages; make it %d or more", d.MaxReceiveCount, fewReceives)
	}
	if d.DeadLetterURL == "" {
		fault("no dead-letter queue: give the queue a redrive policy, set MASKLINE_DEAD_LETTER_QUEUE, or choose another MASKLINE_ON_REJECT")
	} else if _, letters, err := lookAt(ctx, d.DeadLetterURL, ""); err != nil {
		row(w, "not verified", "dead-letter queue: its depth: %s", err)
	} else {
		row(w, "dead-letter queue", "%s, %s", d.DeadLetterURL, letters)
	}
	row(w, "not verified", "permission to receive, delete, extend, and send to the dead-letter queue")
	return ok
}

// depth prints counts.
type depth fetcher.Counts

// String is the depth in words.
func (d depth) String() string {
	return fmt.Sprintf("%d visible, %d in flight, %d delayed", d.Visible, d.NotVisible, d.Delayed)
}

func lookAt(ctx context.Context, name, deadLetters string) (fetcher.Description, depth, error) {
	queue, err := fetcher.NewSQS(ctx, name, deadLetters, 1, nil)
	if err != nil {
		return fetcher.Description{}, depth{}, err
	}
	d, err := queue.Describe(ctx)
	if err != nil {
		return d, depth{}, err
	}
	counts, err := queue.Counts(ctx)
	return d, depth(counts), err
}

// checkTable prints what the writer would find.
func checkTable(ctx context.Context, c call, s checkSettings, m *mapping.Mapping) (ok bool) {
	if s.DatabaseURL.Reveal() == "" && !slices.ContainsFunc(c.environ, isPostgres) {
		_, _ = io.WriteString(c.stdout, "\ndatabase: not verified, for neither DATABASE_URL nor PGHOST is set\n")
		return true
	}
	report, err := writer.Check(ctx, s.DatabaseURL.Reveal(), m.Schema())
	if err != nil {
		_, _ = fmt.Fprintf(c.stdout, "\ndatabase\n")
		row(c.stdout, "to fix", "%s", err)
		return false
	}
	_, _ = fmt.Fprintf(c.stdout, "\n%s", report)
	return report.OK()
}

func isPostgres(entry string) bool {
	name, value, _ := strings.Cut(entry, "=")
	return value != "" && slices.Contains([]string{"PGHOST", "PGHOSTADDR", "PGSERVICE", "PGDATABASE", "PGUSER"}, name)
}
