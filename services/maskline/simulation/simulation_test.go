package simulation

import (
	"bytes"
	"flag"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

var (
	seedFlag  = flag.Int64("simulation.seed", -1, "run this one seed, and print its whole history with -v")
	seedsFlag = flag.Uint64("simulation.seeds", 0, "how many seeds to run (default 2000; 300 with -short or -race)")
	fromFlag  = flag.Uint64("simulation.from", 0, "the first seed")
)

func TestSimulation_NothingIsLostOrDoubledWhateverBreaks(t *testing.T) {
	t.Parallel()
	if *seedFlag >= 0 {
		r := Run(uint64(*seedFlag))
		t.Logf("seed %d: %d events, %s of simulated time, hash %016x\n%s", *seedFlag, r.Events, r.Took, r.Hash, r.History)
		if r.Failure != "" {
			t.Error(r.Failure)
		}
		return
	}
	var sum tally
	sum.run(t, *fromFlag, seeds())
	t.Log(sum.String())
}

func seeds() uint64 {
	switch {
	case *seedsFlag > 0:
		return *seedsFlag
	case testing.Short() || raceEnabled:
		return 300
	}
	return 2000
}

// tally sums up what many seeds have shown.
type tally struct {
	mu     sync.Mutex
	seeds  int
	events int
	rows   int
	double int
	faults [faults]int
}

// run runs seeds on all processors, each in one goroutine, and stops at the first that fails.
func (s *tally) run(t *testing.T, from, n uint64) {
	t.Helper()
	var next atomic.Uint64
	var failed atomic.Bool
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for seed := from + next.Add(1) - 1; seed < from+n && !failed.Load(); seed = from + next.Add(1) - 1 {
				r := Run(seed)
				s.add(r)
				if r.Failure != "" && !failed.Swap(true) {
					t.Errorf("%s", report(seed, r))
				}
			}
		})
	}
	workers.Wait()
}

func (s *tally) add(r Result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seeds++
	s.events += r.Events
	s.rows += r.Rows
	s.double += r.Doubled
	for f, n := range r.Faults {
		s.faults[f] += n
	}
}

func (s *tally) String() string {
	text := fmt.Sprintf("%d seeds, %d events, %d rows, of which SQS's own redrive made %d a second time; faults:\n", s.seeds, s.events, s.rows, s.double)
	for f, n := range s.faults {
		text += fmt.Sprintf("%9d  %s\n", n, fault(f))
	}
	return text
}

// report is what a person needs of a seed that failed: how to run it again, and the end of its history.
func report(seed uint64, r Result) string {
	const lines = 150
	history := r.History
	for n, i := 0, len(history)-1; i > 0; i-- {
		if history[i] == '\n' {
			if n++; n > lines {
				history = append([]byte("…\n"), history[i+1:]...)
				break
			}
		}
	}
	return fmt.Sprintf("seed %d: %s\n\ngo test ./services/maskline/simulation -run TestSimulation -simulation.seed=%d -v\n\n%s", seed, r.Failure, seed, history)
}

func TestSimulation_ASeedRunsTheSameWayEachTime(t *testing.T) {
	t.Parallel()
	hashes := map[uint64]uint64{}
	for seed := range uint64(100) {
		a, b := Run(seed), Run(seed)
		if a.Hash != b.Hash || !bytes.Equal(a.History, b.History) {
			t.Fatalf("seed %d ran in two ways", seed)
		}
		if other, seen := hashes[a.Hash]; seen {
			t.Errorf("seeds %d and %d ran the same way", other, seed)
		}
		hashes[a.Hash] = seed
	}
}

// A simulation without faults would show nothing.
func TestSimulation_EveryFaultHappens(t *testing.T) {
	t.Parallel()
	var sum tally
	sum.run(t, 0, 200)
	for f, n := range sum.faults {
		if n == 0 {
			t.Errorf("%s: in none of %d seeds", fault(f), sum.seeds)
		}
	}
	if sum.double == 0 {
		t.Error("SQS's own redrive never made a row a second time: what a ledger must report does not happen")
	}
}
