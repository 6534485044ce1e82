package telemetry

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/metric"
)

const (
	rateWindow   = 10 * time.Second
	rateInterval = time.Second
)

// Counters is a fixed set of totals since the start, with their rates over about the last ten seconds. It is safe for
// concurrent use; an addition costs one atomic instruction if the counter was looked up before.
type Counters struct {
	stage  string
	names  []string
	totals map[string]*atomic.Uint64

	mu      sync.Mutex
	samples []sample
}

// sample is the totals at one time, in the order of names.
type sample struct {
	at     time.Time
	totals []uint64
}

// NewCounters makes the counters of a stage, all at zero.
func NewCounters(stage string, names ...string) *Counters {
	c := &Counters{stage: stage, totals: map[string]*atomic.Uint64{}}
	for _, name := range names {
		c.totals[name] = new(atomic.Uint64)
	}
	c.names = slices.Sorted(maps.Keys(c.totals))
	return c
}

// Counter finds one counter, to be kept by a hot path. A name that New was not given is a slip of the program, so it
// panics.
func (c *Counters) Counter(name string) *atomic.Uint64 {
	total := c.totals[name]
	if total == nil {
		panic("telemetry: counter " + name + ": not one of " + c.stage)
	}
	return total
}

// Add adds n to one counter. It panics on a name that New was not given.
func (c *Counters) Add(name string, n uint64) { c.Counter(name).Add(n) }

// Totals gives every counter.
func (c *Counters) Totals() map[string]uint64 {
	totals := make(map[string]uint64, len(c.names))
	for name, total := range c.totals {
		totals[name] = total.Load()
	}
	return totals
}

// Observe remembers the totals at now, for Rates. Call it about once a second; more often does nothing.
func (c *Counters) Observe(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(c.samples); n > 0 && now.Sub(c.samples[n-1].at) < rateInterval {
		return
	}
	s := sample{at: now, totals: make([]uint64, len(c.names))}
	for i, name := range c.names {
		s.totals[i] = c.totals[name].Load()
	}
	c.samples = append(c.samples, s)
	// The oldest is kept until the one after it spans the window.
	for len(c.samples) > 1 && now.Sub(c.samples[1].at) >= rateWindow {
		c.samples = c.samples[1:]
	}
}

// Rates gives every counter's growth per second up to now, over the window, or over what there is of it.
func (c *Counters) Rates(now time.Time) map[string]float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	rates := make(map[string]float64, len(c.names))
	for i, name := range c.names {
		rates[name] = 0
		if len(c.samples) == 0 {
			continue
		}
		oldest := c.samples[0]
		if seconds := now.Sub(oldest.at).Seconds(); seconds > 0 {
			rates[name] = float64(c.totals[name].Load()-oldest.totals[i]) / seconds
		}
	}
	return rates
}

// Run observes until ctx ends.
func (c *Counters) Run(ctx context.Context) {
	ticker := time.NewTicker(rateInterval)
	defer ticker.Stop()
	c.Observe(time.Now())
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			c.Observe(now)
		}
	}
}

// observe exports the counters.
func (c *Counters) observe(in *Instruments) {
	instruments := make([]metric.Int64ObservableCounter, len(c.names))
	observables := make([]metric.Observable, len(c.names))
	for i, name := range c.names {
		instruments[i] = in.ObservedCounter(name)
		observables[i] = instruments[i]
	}
	in.Observe(func(o metric.Observer) {
		for i, name := range c.names {
			o.ObserveInt64(instruments[i], int64(c.totals[name].Load()))
		}
	}, observables...)
}
