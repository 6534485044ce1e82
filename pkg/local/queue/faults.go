package queue

import (
	"context"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"time"
)

// Kind is what goes wrong.
type Kind int

// The kinds of faults. They keep SQS's contract: everything here happens to users of AWS, seldom.
const (
	// LostRequest cuts the connection and does nothing. The handler panics with http.ErrAbortHandler, which net/http
	// servers take for that.
	LostRequest Kind = iota + 1
	// LostResponse does what was asked, then cuts the connection. A receive so lost hides its messages.
	LostResponse
	// Status500 answers InternalFailure and does nothing.
	Status500
	// Throttle answers RequestThrottled and does nothing.
	Throttle
	// Delay waits before anything else.
	Delay
	// PartialFailure answers some entries of a batch in Failed and does not carry them out.
	PartialFailure
	// StaleHandle answers deletes and changes of visibility with success and carries out nothing.
	StaleHandle
	// Duplicate delivers a message again that is in flight, with a new receipt handle: one per firing, by the first
	// receive that finds any in flight.
	Duplicate
)

// String implements fmt.Stringer.
func (k Kind) String() string {
	names := [...]string{"", "lost request", "lost response", "status 500", "throttle", "delay", "partial failure", "stale handle", "duplicate"}
	if k < 1 || int(k) >= len(names) {
		return "unknown"
	}
	return names[k]
}

// fits says whether a kind means anything to an action. Rules are not counted on actions that they do not fit.
func (k Kind) fits(action string) bool {
	switch k {
	case PartialFailure:
		return strings.HasSuffix(action, "Batch")
	case StaleHandle:
		return strings.HasPrefix(action, "DeleteMessage") || strings.HasPrefix(action, "ChangeMessageVisibility")
	case Duplicate:
		return action == "ReceiveMessage"
	default:
		return true
	}
}

// Rule says when a fault fires. Nth, Every and Probability are alternatives; a rule with none of them fires always.
type Rule struct {
	// Action is the SQS action, such as ReceiveMessage. Empty means every action that the kind fits.
	Action string
	// Kind is what happens.
	Kind Kind
	// Nth fires at the nth request that the rule fits, counted from 1 and from when the rule was set.
	Nth int
	// Every fires at every nth request.
	Every int
	// Probability fires at random, seeded by Options.Seed.
	Probability float64
	// Limit is how often the rule fires at most. Default 0: no limit.
	Limit int
	// Fraction is the part of a batch's entries that PartialFailure and StaleHandle hit: the first and a random choice
	// of the others. Default 0: all of them.
	Fraction float64
	// Delay is how long a Delay lasts.
	Delay time.Duration
}

// Faults is a script. The rules are tried in order for every request, and more than one may fire.
type Faults []Rule

// verdict is what the script does to one request.
type verdict struct {
	delay                                          time.Duration
	lostRequest, lostResponse, status500, throttle bool
	failedEntries, ignoredEntries                  uint16 // bits
}

func (v verdict) failed(entry int) bool  { return v.failedEntries>>entry&1 == 1 }
func (v verdict) ignored(entry int) bool { return v.ignoredEntries>>entry&1 == 1 }

// script is the rules at work, with the counts that they and the tests need.
type script struct {
	mu         sync.Mutex
	random     *rand.Rand
	rules      []ruleState
	duplicates int // fired and not yet delivered
	fired      map[Kind]int
	requests   map[string]int
}

type ruleState struct {
	Rule
	seen, fired int
}

func newScript(faults Faults, seed uint64) *script {
	f := &script{
		random: rand.New(rand.NewPCG(seed, 2)),
		fired:  map[Kind]int{}, requests: map[string]int{},
	}
	f.set(faults)
	return f
}

func (f *script) set(faults Faults) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules, f.duplicates = nil, 0
	for _, r := range faults {
		f.rules = append(f.rules, ruleState{Rule: r})
	}
}

// decide counts a request and finds what happens to it.
func (f *script) decide(action string) verdict {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests[action]++
	var v verdict
	for i := range f.rules {
		r := &f.rules[i]
		if r.Action != "" && r.Action != action || !r.Kind.fits(action) || !f.fires(r) {
			continue
		}
		r.fired++
		if r.Kind == Duplicate {
			f.duplicates++ // counted when delivered
			continue
		}
		f.fired[r.Kind]++
		switch r.Kind {
		case LostRequest:
			v.lostRequest = true
		case LostResponse:
			v.lostResponse = true
		case Status500:
			v.status500 = true
		case Throttle:
			v.throttle = true
		case Delay:
			v.delay += r.Delay
		case PartialFailure:
			v.failedEntries |= f.entries(r.Fraction)
		case StaleHandle:
			v.ignoredEntries |= f.entries(r.Fraction)
		case Duplicate:
		}
	}
	return v
}

func (f *script) fires(r *ruleState) bool {
	if r.Limit > 0 && r.fired >= r.Limit {
		return false
	}
	r.seen++
	switch {
	case r.Nth > 0:
		return r.seen == r.Nth
	case r.Every > 0:
		return r.seen%r.Every == 0
	case r.Probability > 0:
		return f.random.Float64() < r.Probability
	}
	return true
}

// entries chooses from the ten that a batch may have; the first is in whatever the fraction, for batches may be of one.
func (f *script) entries(fraction float64) uint16 {
	if fraction <= 0 || fraction >= 1 {
		return 1<<maxBatchEntries - 1
	}
	chosen := uint16(1)
	for i := 1; i < maxBatchEntries; i++ {
		if f.random.Float64() < fraction {
			chosen |= 1 << i
		}
	}
	return chosen
}

// takeDuplicate claims a duplicate that has fired, if there is one.
func (f *script) takeDuplicate() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.duplicates == 0 {
		return false
	}
	f.duplicates--
	f.fired[Duplicate]++
	return true
}

// SetFaults replaces the script from the next request on. Counts of firings go on.
func (s *Server) SetFaults(faults Faults) { s.faults.set(faults) }

// FaultCounts is how often each kind has fired since the server began: requests, not entries.
func (s *Server) FaultCounts() map[Kind]int {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	return maps.Clone(s.faults.fired)
}

// Requests is how many requests of each action have arrived since the server began, those that a fault ended included.
func (s *Server) Requests() map[string]int {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	return maps.Clone(s.faults.requests)
}

// sleep waits for d and says false if ctx ended first.
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
