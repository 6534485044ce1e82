// Package redrive moves dead letters back to the queue that they came from, under the identity that they had there. It
// promises that a letter is deleted only after the queue has taken its copy, so that a crash between the two leaves both,
// and that the copy is the same event, which the writer finds a duplicate if it was written already. It never shows a
// body, and never moves a message twice in one run, though it be rejected again meanwhile.
package redrive

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/maskline/maskline/services/maskline/ledger"
	"github.com/maskline/maskline/services/maskline/traffic"
)

// batchPatience bounds a batch that was begun when the run is told to stop.
const batchPatience = 30 * time.Second

// Options choose what is moved. The zero value moves everything.
type Options struct {
	// Reason and Column move only letters that tell them; empty: any.
	Reason, Column string
	// Limit is how many are moved at most; 0: no limit.
	Limit int
	// Rate is how many are moved a second at most; 0: as many as the queues take.
	Rate int
	// DryRun counts what would be moved and moves nothing.
	DryRun bool
}

func (o Options) wants(l ledger.Letter) bool {
	return (o.Reason == "" || o.Reason == l.Reject.Reason) && (o.Column == "" || o.Column == l.Reject.Column)
}

// Report is what was done.
type Report struct {
	// Moved counts letters by their reason in words; in a dry run, those that would be moved.
	Moved map[string]int
	// Kept counts letters that Options did not ask for.
	Kept int
	// Again counts letters of messages that this run has moved already: further copies, or rejected again. They stay.
	Again int
	// Failed counts letters whose copy the queue did not take, or would not for want of room. They stay.
	Failed int
	// Undeleted counts letters whose copy the queue took and that could not be deleted: moved, and still there.
	Undeleted int
}

// Total is how many letters were moved.
func (r Report) Total() (n int) {
	for _, count := range r.Moved {
		n += count
	}
	return n
}

// run is one run.
type run struct {
	Options

	source *traffic.Queue
	pass   *traffic.Pass
	most   int // bytes of a batch
	moved  map[string]struct{}
	report Report
	began  time.Time
	paced  int
}

// Run goes once over the dead letters. What is not moved is hidden while it runs, so that it is not received again and
// again, and given back at its end. When ctx ends, the batch under way is finished and the error is ctx's cause; the
// report holds in any case.
func Run(ctx context.Context, letters, source *traffic.Queue, o Options) (report Report, err error) {
	most, err := source.MaxMessageBytes(ctx)
	if err != nil {
		return report, err
	}
	r := &run{
		Options: o, source: source, pass: letters.Look("All"), most: most,
		moved: map[string]struct{}{}, report: Report{Moved: map[string]int{}}, began: time.Now(),
	}
	defer func() { err = errors.Join(err, r.pass.Close(ctx)) }()
	err = r.all(ctx)
	return r.report, err
}

func (r *run) all(ctx context.Context) error {
	for r.Limit == 0 || r.report.Total() < r.Limit {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		messages, err := r.next(ctx)
		if err != nil || len(messages) == 0 {
			return err
		}
		if err := r.batch(ctx, r.choose(messages)); err != nil {
			return err
		}
	}
	return nil
}

// next is not interrupted either: what a receive has hidden while nobody waits for its answer cannot be given back.
func (r *run) next(ctx context.Context) ([]types.Message, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), batchPatience)
	defer cancel()
	return r.pass.Next(ctx)
}

// letter is one that is to be moved.
type letter struct {
	id    string // MessageId in the dead-letter queue
	why   string
	entry types.SendMessageBatchRequestEntry
	size  int
}

// choose sorts out what stays.
func (r *run) choose(messages []types.Message) (chosen []letter) {
	for _, m := range messages {
		told := ledger.LetterOf(m)
		_, again := r.moved[told.ID]
		switch {
		case !r.wants(told):
			r.report.Kept++
		case again:
			r.report.Again++
		case r.Limit > 0 && r.report.Total()+len(chosen) >= r.Limit:
			r.report.Kept++
		default:
			entry, ok := copyOf(m)
			size := sizeOf(entry)
			if !ok || size > r.most {
				r.report.Failed++
				continue
			}
			r.moved[told.ID] = struct{}{}
			chosen = append(chosen, letter{aws.ToString(m.MessageId), told.Reject.String(), entry, size})
		}
	}
	return chosen
}

// batch moves at most ten letters, in as many calls as their size takes.
func (r *run) batch(ctx context.Context, letters []letter) error {
	if r.DryRun {
		for _, l := range letters {
			r.report.Moved[l.why]++
		}
		return nil
	}
	for len(letters) > 0 {
		n, size := 0, 0
		for n < len(letters) && (n == 0 || size+letters[n].size <= r.most) {
			size += letters[n].size
			n++
		}
		if err := r.pace(ctx, n); err != nil {
			return err
		}
		if err := r.move(ctx, letters[:n]); err != nil {
			return err
		}
		letters = letters[n:]
	}
	return nil
}

// pace waits until the rate allows for n more.
func (r *run) pace(ctx context.Context, n int) error {
	if r.Rate > 0 {
		select {
		case <-time.After(time.Until(r.began.Add(time.Duration(r.paced) * time.Second / time.Duration(r.Rate)))):
		case <-ctx.Done():
		}
	}
	r.paced += n
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// move sends copies, then deletes the letters whose copy was taken. It is not interrupted in between.
func (r *run) move(ctx context.Context, letters []letter) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), batchPatience)
	defer cancel()
	taken, err := r.send(ctx, letters)
	if err != nil {
		r.report.Failed += len(letters)
		return fmt.Errorf("move back: %w", err)
	}
	var ids []string
	for _, l := range taken {
		r.report.Moved[l.why]++
		ids = append(ids, l.id)
	}
	r.report.Failed += len(letters) - len(taken)
	if len(ids) == 0 {
		return nil
	}
	failed, err := r.pass.Delete(ctx, ids)
	r.report.Undeleted += len(failed)
	return err
}
