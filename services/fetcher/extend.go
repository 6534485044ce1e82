package fetcher

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/maskline/maskline/pkg/telemetry"
)

const (
	// extendEvery is the pause between looks for visibility timeouts that are half over.
	extendEvery = 250 * time.Millisecond
	// extendMost is how many are extended per look; extenders share them.
	extendMost = 2000
	extenders  = 4
)

// extendVisibility keeps everything in flight hidden, however long the database takes. It also ticks the table.
func (f *Fetcher) extendVisibility(ctx context.Context) {
	ticker := time.NewTicker(extendEvery)
	defer ticker.Stop()
	for range ticker.C {
		f.mu.Lock()
		if f.stopped {
			f.mu.Unlock()
			return
		}
		now := time.Now()
		f.table.Tick(now)
		entries, receipts := f.table.DueExtensions(now, extendMost)
		f.wakeAll()
		f.mu.Unlock()
		f.extendAll(ctx, entries, receipts)
	}
}

func (f *Fetcher) extendAll(ctx context.Context, entries []*Entry, receipts []Receipt) {
	var calls sync.WaitGroup
	slots := make(chan struct{}, extenders)
	for from := 0; from < len(entries); from += batchMost {
		to := min(from+batchMost, len(entries))
		slots <- struct{}{}
		calls.Go(func() {
			defer func() { <-slots }()
			f.extendBatch(ctx, entries[from:to], receipts[from:to])
		})
	}
	calls.Wait()
}

func (f *Fetcher) extendBatch(ctx context.Context, entries []*Entry, receipts []Receipt) {
	began := time.Now()
	failed, err := f.queue.Extend(ctx, receipts, f.source.Visibility)
	if err != nil {
		f.troubles.set(ctx, "visibility", err.Error())
	} else {
		f.troubles.clear("visibility")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	extended, givenUp := f.table.ExtensionsAnswered(began.Add(f.source.Visibility), entries, receipts, failed, err)
	f.counters.Add(telemetry.CounterExtended, uint64(extended))
	f.counters.Add(telemetry.CounterGivenUp, uint64(givenUp))
	f.wakeAll()
}

// release gives back at once what need not be finished: messages that nobody downstream has seen.
func (f *Fetcher) release(ctx context.Context) {
	f.mu.Lock()
	receipts := f.table.Release()
	f.mu.Unlock()
	f.counters.Add(telemetry.CounterReleased, uint64(len(receipts)))
	for call := range slices.Chunk(receipts, batchMost) {
		if _, err := f.queue.Extend(ctx, call, 0); err != nil {
			f.log.WarnContext(ctx, "messages not given back at once; they come back when their visibility timeout ends", telemetry.KeyMessages, len(call), telemetry.KeyCause, err)
		}
	}
}
