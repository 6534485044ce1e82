package demo

import (
	"context"
	"sync"
	"time"

	"github.com/maskline/maskline/services/fetcher"
)

// witness is the fetcher's queue, and remembers which messages came out of it: the fetcher itself forgets a message when
// it has settled it. Safe for concurrent use.
type witness struct {
	fetcher.Queue

	mu   sync.Mutex
	seen map[string]struct{}
}

func newWitness(queue fetcher.Queue) *witness {
	return &witness{Queue: queue, seen: map[string]struct{}{}}
}

// Receive implements fetcher.Queue.
func (w *witness) Receive(ctx context.Context, limit int, wait, visibility time.Duration) ([]fetcher.Message, error) {
	messages, err := w.Queue.Receive(ctx, limit, wait, visibility)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range messages {
		w.seen[m.ID] = struct{}{}
	}
	return messages, err
}

// received is how many distinct messages came out.
func (w *witness) received() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.seen)
}
