package telemetry

import (
	"context"
	"maps"
	"testing"
	"testing/synctest"
	"time"
)

func TestCounters_RatesAreOfTheLastTenSeconds(t *testing.T) {
	t.Parallel()
	c := NewCounters(StageWriter, CounterCommitted, CounterRejected)
	start := time.Unix(1000, 0)
	if rates := c.Rates(start); !maps.Equal(rates, map[string]float64{CounterCommitted: 0, CounterRejected: 0}) {
		t.Errorf("rates before anything: %v", rates)
	}
	// 5 a second for 20 s, then 50 a second.
	for second := range 40 {
		c.Observe(start.Add(time.Duration(second) * time.Second))
		if second < 20 {
			c.Add(CounterCommitted, 5)
		} else {
			c.Add(CounterCommitted, 50)
		}
		at := start.Add(time.Duration(second+1) * time.Second)
		switch got := c.Rates(at)[CounterCommitted]; {
		case second == 0 && got != 5, second == 19 && got != 5, second == 39 && got != 50:
			t.Errorf("second %d: %v", second, got)
		case second == 24 && (got < 20 || got > 30):
			t.Errorf("second %d: %v", second, got)
		}
	}
	if got := c.Totals()[CounterCommitted]; got != 1100 {
		t.Errorf("total %d", got)
	}
	if got := c.Rates(start.Add(40 * time.Second))[CounterRejected]; got != 0 {
		t.Errorf("rejected %v", got)
	}
	if len(c.samples) > 12 {
		t.Errorf("%d samples", len(c.samples))
	}
}

func TestCounters_ObservingMoreOftenCostsNoMemory(t *testing.T) {
	t.Parallel()
	c := NewCounters(StageWriter, CounterCommitted)
	for i := range 100_000 {
		c.Observe(time.Unix(1000, 0).Add(time.Duration(i) * time.Millisecond))
	}
	if len(c.samples) > 12 {
		t.Errorf("%d samples", len(c.samples))
	}
}

func TestCounters_RunObservesUntilTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := NewCounters(StageMasker, CounterForwarded)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			c.Run(ctx)
		}()
		synctest.Wait()
		c.Add(CounterForwarded, 100)
		time.Sleep(10 * time.Second) // Virtual.
		if got := c.Rates(time.Now())[CounterForwarded]; got != 10 {
			t.Errorf("rate %v", got)
		}
		cancel()
		<-ended
	})
}

func TestCounters_UnknownNamePanics(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("accepted")
		}
	}()
	NewCounters(StageMasker, CounterForwarded).Add(CounterDeleted, 1)
}

func BenchmarkCounters_Add(b *testing.B) {
	counter := NewCounters(StageMasker, CounterForwarded).Counter(CounterForwarded)
	b.ReportAllocs()
	for b.Loop() {
		counter.Add(1)
	}
}
