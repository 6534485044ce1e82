package chaos

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/maskline/maskline/services/maskline/leak"
	"github.com/maskline/maskline/services/maskline/ledger"
	"github.com/maskline/maskline/services/maskline/traffic"
)

// drainPatience is how long the queue may take to be empty after the last fault.
const drainPatience = 2 * time.Minute

// judge waits for the queue to be empty, stops everything, and holds what was sent against what is there.
func (s *System) judge(ctx context.Context) (ledger.Findings, error) {
	began := time.Now()
	err := s.drained(ctx, drainPatience)
	exactly(s.run, "messages left in the queue", s.left(), 0)
	if err != nil {
		return ledger.Findings{}, err
	}
	s.run.note("the queue was empty %.1f s after the last fault", time.Since(began).Seconds())
	exactly(s.run, "processes that did not exit with 0 after SIGTERM", s.stopAll(), 0)
	f, err := s.reconcile(ctx)
	if err != nil {
		return f, err
	}
	verdict(s.run, f)
	leaks, err := s.leaks()
	exactly(s.run, "log files with a raw value", leaks, 0)
	return f, err
}

// verdict makes checks of what the ledger found.
func verdict(r *Run, f ledger.Findings) {
	r.note("%d messages sent, %d in the table, %d in the dead-letter queue", f.Sent, f.InTable, f.DeadLettered)
	exactly(r, "messages lost", f.Lost.Count+f.Pending.Count, 0)
	exactly(r, "messages doubled", f.Doubled.Count, 0)
	exactly(r, "rows with a wrong value, or of nobody's message", f.Wrong.Count+f.Strangers.Count, 0)
	exactly(r, "good messages dead-lettered", f.GoodDeadLettered.Count, 0)
	exactly(r, "bad messages in the table, or dead-lettered without the right reason",
		f.BadInTable.Count+f.WrongReason.Count+f.Unexplained.Count, 0)
	if err := f.Err(); err != nil {
		r.note("%v", err)
	}
}

// reconcile reads the table and the queues from outside.
func (s *System) reconcile(ctx context.Context) (ledger.Findings, error) {
	conn, err := s.connect(ctx)
	if err != nil {
		return ledger.Findings{}, err
	}
	defer func() { _ = conn.Close(ctx) }()
	source, err := traffic.Open(ctx, s.queue.URL(source))
	if err != nil {
		return ledger.Findings{}, err
	}
	letters, err := traffic.Open(ctx, s.queue.URL(deadLetters))
	if err != nil {
		return ledger.Findings{}, err
	}
	return ledger.Reconcile(ctx, ledger.Place{DB: conn, Table: "user_logins", Source: source, DeadLetters: letters},
		s.book.all(), ledger.Options{})
}

// leaks searches what the processes wrote for raw values, in whatever form, and counts the files that hold one.
func (s *System) leaks() (files int, err error) {
	needles, err := leak.For(traffic.Canaries()...)
	if err != nil {
		return 0, err
	}
	searched := int64(0)
	for _, l := range s.logs {
		hits, size, err := searchFile(l.Name(), needles)
		if err != nil {
			return files, err
		}
		searched += size
		if len(hits) > 0 {
			files++
			s.run.note("%s: %v", filepath.Base(l.Name()), hits[0])
		}
	}
	if searched == 0 {
		return files, errors.New("logs: empty, so nothing was searched")
	}
	return files, nil
}

func searchFile(name string, needles *leak.Needles) ([]leak.Hit, int64, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return nil, 0, err
	}
	hits, err := leak.Search(file, needles, 1)
	return hits, info.Size(), err
}
