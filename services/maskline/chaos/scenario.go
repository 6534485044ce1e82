package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"
)

// Scenario is one line of the card.
type Scenario struct {
	// Number is that of the card; two scenarios may share one.
	Number int
	// Name is what -scenario takes.
	Name string
	// Does says in one sentence what happens.
	Does string
	// Deadline ends a scenario that hangs. Default: six minutes.
	Deadline time.Duration
	// Waits says that the scenario mostly waits: it runs beside those that work.
	Waits bool
	// FullOnly scenarios are left out of the short card.
	FullOnly bool

	run func(ctx context.Context, r *Run) error
}

// Scenarios are all of them, in the order of the card.
func Scenarios() []Scenario {
	return []Scenario{
		kills(), commitCrashes(), postgresRestarts(), freezes(), partitions(), queueFaults(), deleteFaults(),
		redrives(), poisonFlood(), onePoison(), databaseTroubles(), diskFull(), slowWriter(), rolling(), scale(), clockJumps(),
		soak(),
	}
}

// Run is one scenario under way: its choices, its faults, its checks. Safe for concurrent use.
type Run struct {
	// Short asks for a smaller edition of the same.
	Short bool

	kit     *kit
	began   time.Time
	verbose func(format string, args ...any)

	mu      sync.Mutex
	random  *rand.Rand
	faults  []Fault
	checks  []Check
	notes   []string
	skipped string
	systems []*System
}

// pick is full on the full card and short on the short one.
func pick[T any](r *Run, full, short T) T {
	if r.Short {
		return short
	}
	return full
}

// upTo is a random number from 0 to n-1.
func (r *Run) upTo(n int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.random.IntN(n)
}

// sleep waits, and says false if the scenario ended meanwhile. It is for faults that last a time, never for waiting on
// something.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// until polls until cond holds; the error says what it waited for.
func until(ctx context.Context, within time.Duration, what string, cond func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	began := time.Now()
	for pause := 5 * time.Millisecond; !cond(); pause = min(2*pause, 100*time.Millisecond) {
		if !sleep(ctx, pause) {
			return fmt.Errorf("%s: not within %s", what, time.Since(began).Round(100*time.Millisecond))
		}
	}
	return nil
}

// Fault is one thing that was done to a process, the queue, Postgres or a connection.
type Fault struct {
	// At is when, in seconds since the scenario began.
	At float64 `json:"at"`
	// What happened.
	What string `json:"what"`
	// Stage and PID name the process, where it is one.
	Stage string `json:"stage,omitempty"`
	PID   int    `json:"pid,omitempty"`
	// InFlight is how many records the process said it held, in the moment before.
	InFlight uint64 `json:"in_flight"`
}

// fault notes a fault.
func (r *Run) fault(f Fault) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f.At = seconds(time.Since(r.began))
	r.faults = append(r.faults, f)
}

func seconds(d time.Duration) float64 {
	return float64(d.Round(10*time.Millisecond)) / float64(time.Second)
}

// note adds a line to the report that is no check.
func (r *Run) note(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	text := fmt.Sprintf(format, args...)
	r.notes = append(r.notes, text)
	r.verbose("%s", text)
}

// skip says why the scenario cannot run here.
func (r *Run) skip(why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.skipped = why
}

// Check is one pass figure.
type Check struct {
	Name     string  `json:"name"`
	Measured float64 `json:"measured"`
	// Limit is a comparison: "= 0", "≥ 150", "≤ 2".
	Limit  string `json:"limit"`
	Passed bool   `json:"passed"`
}

func (r *Run) check(c Check) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.Measured = float64(int64(c.Measured*100+0.5)) / 100
	r.checks = append(r.checks, c)
	if !c.Passed {
		r.verbose("FAILED: %s: %v, limit %s", c.Name, c.Measured, c.Limit)
	}
}

func number(x float64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.2f", x), "0"), ".")
}

type numeric interface {
	~int | ~int64 | ~uint64 | ~float64
}

func exactly[T numeric](r *Run, name string, measured, limit T) {
	r.check(Check{name, float64(measured), "= " + number(float64(limit)), measured == limit})
}

func atMost[T numeric](r *Run, name string, measured, limit T) {
	r.check(Check{name, float64(measured), "≤ " + number(float64(limit)), measured <= limit})
}

func atLeast[T numeric](r *Run, name string, measured, limit T) {
	r.check(Check{name, float64(measured), "≥ " + number(float64(limit)), measured >= limit})
}

// share judges one rate against another of the same run. The short card, which runs beside whatever else a machine does,
// only notes it: there it is about what is lost, not about how fast.
func (r *Run) share(name string, measured, limit float64) {
	if r.Short {
		r.note("%s: %.2f; the full card wants ≥ %.2f", name, measured, limit)
		return
	}
	atLeast(r, name, measured, limit)
}

// median of an odd number of times.
func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}

// clock is the real one, with jumps.
type clock struct {
	mu sync.Mutex
	by time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.by)
}

func (c *clock) jump(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.by += by
}
