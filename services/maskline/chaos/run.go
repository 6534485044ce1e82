package chaos

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// Settings say which card is run.
type Settings struct {
	// Short is the small edition of each scenario, for CI.
	Short bool
	// Names are the scenarios to run. Default: all of the edition.
	Names []string
	// Seed decides every random choice.
	Seed uint64
	// Out receives what happens, as it happens, from several goroutines.
	Out io.Writer
}

// Card runs scenarios one after another, since they measure rates and pauses and the machine has few cores, and beside
// them, one after another too, those that mostly wait. The error says why the card could not be run; a check that failed
// is in the results.
func Card(ctx context.Context, s Settings) ([]Result, error) {
	for _, name := range s.Names {
		if !slices.ContainsFunc(Scenarios(), func(x Scenario) bool { return x.Name == name }) {
			return nil, fmt.Errorf("%s: no such scenario", name)
		}
	}
	k, err := newKit(ctx)
	if err != nil {
		return nil, err
	}
	chosen := choose(s)
	results := make([]Result, len(chosen))
	var lanes sync.WaitGroup
	for _, waits := range []bool{false, true} {
		lanes.Go(func() {
			for i, x := range chosen {
				if x.Waits == waits && ctx.Err() == nil {
					results[i] = play(ctx, k, x, s)
				}
			}
		})
	}
	lanes.Wait()
	return results, errors.Join(ctx.Err(), k.close())
}

// choose picks the scenarios that were asked for.
func choose(s Settings) (chosen []Scenario) {
	for _, x := range Scenarios() {
		if slices.Contains(s.Names, x.Name) || len(s.Names) == 0 && (!s.Short || !x.FullOnly) {
			chosen = append(chosen, x)
		}
	}
	return chosen
}

// play runs one scenario to its end, whatever that is, and closes what it started.
func play(ctx context.Context, k *kit, x Scenario, s Settings) Result {
	say := func(format string, args ...any) {
		_, _ = fmt.Fprintf(s.Out, "%-18s "+format+"\n", append([]any{x.Name}, args...)...)
	}
	say("%s", x.Does)
	r := &Run{
		Short: s.Short, kit: k, began: time.Now(), random: rand.New(rand.NewPCG(s.Seed, hash(x.Name))),
		verbose: say,
	}
	limit := x.Deadline
	if limit == 0 {
		limit = 6 * time.Minute
	}
	within, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := x.run(within, r)
	if err != nil && ctx.Err() == nil {
		r.dump(ctx)
	}
	for _, system := range r.systems {
		err = errors.Join(err, system.close())
	}
	result := r.result(x, s, err)
	say("%s in %.0f s", result.Verdict, result.Seconds)
	return result
}

func hash(text string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(text)) // documented never to fail
	return h.Sum64()
}

// dump notes what each stage says of itself, for a scenario that did not come to its end.
func (r *Run) dump(ctx context.Context) {
	for _, s := range r.systems {
		if s.queue != nil {
			visible, hidden, _ := s.queue.Counts(source)
			r.note("queue: %d visible, %d hidden", visible, hidden)
		}
		for _, p := range s.all() {
			status, err := p.status(ctx)
			if err != nil {
				r.note("%s %d: no answer", p.stage, p.pid())
				continue
			}
			r.note("%s %d: ready %v, reason %q, in flight %d, counters %v", p.stage, p.pid(), status.GetReady(), status.GetReason(),
				status.GetInFlightRecords(), status.GetCounters())
		}
	}
}

// Result is one scenario's page of the report.
type Result struct {
	Number   int      `json:"number"`
	Scenario string   `json:"scenario"`
	Does     string   `json:"does"`
	Verdict  string   `json:"verdict"`
	Short    bool     `json:"short"`
	Seed     uint64   `json:"seed"`
	Date     string   `json:"date"`
	Machine  string   `json:"machine"`
	Commit   string   `json:"commit"`
	Command  string   `json:"command"`
	Seconds  float64  `json:"seconds"`
	Checks   []Check  `json:"checks"`
	Notes    []string `json:"notes,omitempty"`
	Faults   []Fault  `json:"faults,omitempty"`
}

// The verdicts.
const (
	Passed  = "passed"
	Failed  = "failed"
	Skipped = "skipped"
)

func (r *Run) result(x Scenario, s Settings, err error) Result {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := Result{
		Number: x.Number, Scenario: x.Name, Does: x.Does, Verdict: Passed, Short: s.Short, Seed: s.Seed,
		Date: r.began.UTC().Format(time.RFC3339), Machine: machine(), Commit: r.kit.commit, Command: command(x, s), Seconds: seconds(time.Since(r.began)),
		Checks: r.checks, Notes: r.notes, Faults: r.faults,
	}
	if err != nil {
		out.Checks = append(out.Checks, Check{Name: "comes to its end: " + err.Error(), Limit: "= 1"})
	}
	if r.skipped != "" && err == nil {
		out.Verdict = Skipped
		out.Notes = append(out.Notes, "not run here: "+r.skipped)
		return out
	}
	if len(out.Checks) == 0 {
		out.Checks = append(out.Checks, Check{Name: "checks made", Limit: "≥ 1"})
	}
	for _, c := range out.Checks {
		if !c.Passed {
			out.Verdict = Failed
		}
	}
	return out
}

func command(x Scenario, s Settings) string {
	parts := []string{"go run ./services/maskline/chaos/cmd/chaos", "-scenario " + x.Name, fmt.Sprintf("-seed %d", s.Seed)}
	if s.Short {
		parts = append(parts, "-short")
	}
	return strings.Join(parts, " ")
}

func machine() string {
	return fmt.Sprintf("%s/%s, %d cores, %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
}
