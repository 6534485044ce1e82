package writer

import (
	"sync"
	"time"

	relayv1 "github.com/maskline/maskline/proto/gen/maskline/relay/v1"
)

// intake hands frames from the streams to the connections, and verdicts back. It is the gathering with a lock around
// it. Frames belong to it and never to their stream: those of a stream that broke are committed all the same.
type intake struct {
	mu        sync.Mutex
	wake      *sync.Cond
	gathering *Gathering
	closed    bool
	aborted   bool
}

func newIntake() *intake {
	i := &intake{gathering: NewGathering()}
	i.wake = sync.NewCond(&i.mu)
	return i
}

// add takes a frame in.
func (i *intake) add(f *Frame) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.gathering.Add(f)
	// All, since a frame may be enough for several groups.
	i.wake.Broadcast()
}

// next waits for rows; false when there will be none.
func (i *intake) next(most int) (*Group, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for !i.aborted {
		if g := i.gathering.Next(most); g != nil {
			return g, true
		}
		if i.closed {
			return nil, false
		}
		i.wake.Wait()
	}
	return nil, false
}

// close lets next return false once everything gathered is handed out.
func (i *intake) close() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.closed = true
	i.wake.Broadcast()
}

// abort lets next return false at once.
func (i *intake) abort() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.aborted = true
	i.wake.Broadcast()
}

// done gives rows their verdicts, which must not exist before COMMIT returned.
func (i *intake) done(rows []Row, verdicts []relayv1.Verdict) {
	i.mu.Lock()
	finished := i.gathering.Done(rows, verdicts)
	i.mu.Unlock()
	finish(finished)
}

// reject gives one row its verdict.
func (i *intake) reject(r Row, why *relayv1.Rejection) {
	i.mu.Lock()
	finished := i.gathering.Reject(r, why)
	i.mu.Unlock()
	finish(finished)
}

// finish settles frames. Nobody else has them any more, so no lock is held while the stream takes the settlement.
func finish(frames []*Frame) {
	for _, f := range frames {
		f.span.End()
		f.settle(f.Settlement())
	}
}

// load is what is held, and since when the oldest of it has been under way.
func (i *intake) load() (records int, bytes int64, oldest time.Time) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for f := range i.gathering.held {
		if oldest.IsZero() || f.sentAt.Before(oldest) {
			oldest = f.sentAt
		}
	}
	return i.gathering.records, i.gathering.bytes, oldest
}
