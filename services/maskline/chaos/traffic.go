package chaos

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/maskline/maskline/pkg/local/queue"
	"github.com/maskline/maskline/services/maskline/ledger"
	"github.com/maskline/maskline/services/maskline/oracle"
	"github.com/maskline/maskline/services/maskline/traffic"
)

// book is what was sent and what must become of it. Safe for concurrent use.
type book struct {
	oracle *oracle.Oracle

	mu      sync.Mutex
	entries []ledger.Expected
}

func (b *book) add(ids []string, messages []traffic.Message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, id := range ids {
		b.entries = append(b.entries, ledger.Expect(b.oracle, id, messages[i]))
	}
}

func (b *book) all() []ledger.Expected {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clip(b.entries)
}

// logins makes n good messages.
func (r *Run) logins(n int) []traffic.Message { return r.blend(traffic.Blend{Messages: n}) }

// blend makes messages with a seed of the scenario's own.
func (r *Run) blend(b traffic.Blend) []traffic.Message {
	r.mu.Lock()
	b.Seed = r.random.Uint64()
	r.mu.Unlock()
	return b.Generate()
}

// send puts messages into the source and, with what must become of them, into the book.
func (s *System) send(messages []traffic.Message) error {
	stored := make([]queue.Message, len(messages))
	for i, m := range messages {
		stored[i].Body = m.Body
	}
	ids, err := s.queue.Send(source, stored...)
	s.book.add(ids, messages)
	return err
}

// flow sends messages evenly over a time, a tenth of a second's worth at once. The function that it returns waits for the
// end.
func (s *System) flow(ctx context.Context, messages []traffic.Message, over time.Duration) (wait func() error) {
	done := make(chan error, 1)
	go func() {
		began, sent := time.Now(), 0
		for sent < len(messages) {
			due := min(len(messages), 1+int(float64(len(messages))*float64(time.Since(began)+100*time.Millisecond)/float64(over)))
			if err := s.send(messages[sent:due]); err != nil {
				done <- err
				return
			}
			sent = due
			if !sleep(ctx, 100*time.Millisecond) {
				done <- ctx.Err()
				return
			}
		}
		done <- nil
	}()
	return func() error { return <-done }
}

// feed sends good messages at a steady rate until the function that it returns is called.
func (s *System) feed(ctx context.Context, perSecond int) (stop func() error) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() {
		for sleep(ctx, 100*time.Millisecond) {
			if err := s.send(s.run.logins(max(perSecond/10, 1))); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	return func() error {
		cancel()
		return <-done
	}
}
