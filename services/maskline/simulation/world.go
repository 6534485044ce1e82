package simulation

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/maskline/maskline/pkg/relay"
)

const (
	ms     = time.Millisecond
	second = time.Second
)

// start is when every simulation begins.
var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// World is one run of the whole pipeline from one seed.
type World struct {
	seed   uint64
	random *rand.Rand
	now    time.Duration // since start
	events events
	number uint64

	setup    setup
	calm     bool
	healing  bool // no new fault from here on
	ending   bool // programs that stop stay down
	stopped  bool // all programs have
	mended   bool // the mapping has no mistake any more
	rates    [faults]float64
	counts   [faults]int
	history  history
	failure  string
	bodies   []*body
	byEvent  map[[16]byte]int // the body behind an event id, as the maskers saw it
	queue    *queue
	database *database
	fetchers []*fetcherProcess
	maskers  []*maskerProcess
	writers  []*writerProcess
	streams  []*stream
}

// setup is what an operator would configure. The ceilings are low, so that each of them is met.
type setup struct {
	messages     int
	pollers      int
	inFlight     int
	inFlightSize int64
	visibility   time.Duration
	brake        int
	workers      int
	connections  int
	maxRows      int
	window       relay.Load
	windows      int64
	faultsEnd    time.Duration
}

// Result is what a run has shown.
type Result struct {
	// Failure is the first broken promise, or empty.
	Failure string
	// History is every event, a line each; Hash stands for all of it.
	History []byte
	Hash    uint64
	// Faults counts what went wrong by kind, Events the events, Rows those in the table, and Doubled the rows that SQS's
	// own redrive made a second time.
	Faults                [faults]int
	Events, Rows, Doubled int
	// Took is the simulated time.
	Took time.Duration
}

// Run simulates one seed.
func Run(seed uint64) (r Result) {
	w := &World{
		seed: seed, random: rand.New(rand.NewPCG(seed, 0x6d61736b6c696e65)),
		byEvent: map[[16]byte]int{},
	}
	w.history.hash = hashStart
	defer func() {
		if p := recover(); p != nil {
			w.broken("panic: %v", p)
		}
		r = Result{
			Failure: w.failure, History: w.history.text, Hash: w.history.hash, Faults: w.counts,
			Events: int(w.number), Rows: len(w.database.rows), Doubled: w.doubled(), Took: w.now,
		}
	}()
	w.build()
	for w.failure == "" && !w.stopped && len(w.events) > 0 {
		e := w.events.pop()
		w.now = e.at
		e.do()
	}
	if w.failure == "" && !w.stopped {
		w.broken("the simulation stopped before its end")
	}
	return r
}

// build makes the world of a seed.
func (w *World) build() {
	r := w.random
	w.calm = r.IntN(10) == 0
	records := 10 + r.IntN(40)
	w.setup = setup{
		messages: 20 + r.IntN(60), pollers: 1 + r.IntN(3),
		inFlight: records, inFlightSize: int64(records) * (entryMost + int64(r.IntN(200))),
		visibility: time.Duration(4+r.IntN(27)) * second,
		workers:    1 + r.IntN(2), connections: 1 + r.IntN(3), maxRows: 1 + r.IntN(60),
		faultsEnd: w.between(20*second, 70*second),
	}
	w.setup.window = relay.Load{Records: records + r.IntN(records), Bytes: int64(records) * loadOfRecord * (1 + r.Int64N(2))}
	w.drawRates()
	if w.rates[brokenMapping] > 0 {
		w.setup.brake = 2 + r.IntN(4)
	}
	w.queue, w.database = newQueue(w), newDatabase(w)
	for i := range 1 + r.IntN(3) {
		w.writers = append(w.writers, newWriter(w, i))
	}
	for i := range 1 + r.IntN(3) {
		w.maskers = append(w.maskers, newMasker(w, i))
	}
	for i := range 1 + r.IntN(3) {
		w.fetchers = append(w.fetchers, newFetcher(w, i))
	}
	// Fewer windows than clients would leave one without credit for as long as the others stay (docs/adr/0002).
	w.setup.windows = int64(max(len(w.fetchers), len(w.maskers))) + r.Int64N(2)
	s := w.setup
	w.note("world", "%d messages, %d fetchers, %d maskers, %d writers, calm %v", s.messages, len(w.fetchers), len(w.maskers), len(w.writers), w.calm)
	w.note("world", "in flight at most %d, %d bytes; visibility %s; brake %d; %d windows of %v; %d connections, %d rows per transaction",
		s.inFlight, s.inFlightSize, s.visibility, s.brake, s.windows, s.window, s.connections, s.maxRows)
	for _, p := range w.programs() {
		w.after(w.between(0, second), p.start)
	}
	w.produce()
	w.after(second, w.chaos)
	w.after(w.setup.faultsEnd, w.heal)
}

// programs are all processes, the last stage first: the order in which they are started.
func (w *World) programs() (all []program) {
	for _, p := range w.writers {
		all = append(all, p)
	}
	for _, p := range w.maskers {
		all = append(all, p)
	}
	for _, p := range w.fetchers {
		all = append(all, p)
	}
	return all
}

func (w *World) time() time.Time { return start.Add(w.now) }

// after has something done later.
func (w *World) after(d time.Duration, do func()) {
	w.number++
	w.events.push(event{at: w.now + max(d, 0), number: w.number, do: do})
}

// between draws a duration.
func (w *World) between(least, most time.Duration) time.Duration {
	return least + time.Duration(w.random.Int64N(int64(most-least)+1))
}

// latency is one way through a network or a server.
func (w *World) latency() time.Duration { return w.between(ms, 30*ms) }

func (w *World) note(who, format string, args ...any) {
	w.history.line(w.now, who, format, args...)
}

// broken ends the run: a promise does not hold.
func (w *World) broken(format string, args ...any) {
	if w.failure == "" {
		w.failure = fmt.Sprintf(format, args...)
		w.note("BROKEN", "%s", w.failure)
	}
}

func (w *World) anyStream() *stream {
	w.streams = slices.DeleteFunc(w.streams, func(s *stream) bool { return s.over() })
	if len(w.streams) == 0 {
		return nil
	}
	return w.streams[w.random.IntN(len(w.streams))]
}

// process is what a program is to the machine that it runs on. A new life has nothing of the one before.
type process struct {
	world    *World
	self     program
	crashes  fault // the kind that is its crash
	name     string
	life     int
	up       bool
	stopping bool
}

func (p *process) base() *process { return p }

// after has something done later, unless this life is over by then.
func (p *process) after(d time.Duration, do func()) {
	life := p.life
	p.world.after(d, func() { p.during(life, do) })
}

// during does something if that life is not over. Any such moment may be the last one of it.
func (p *process) during(life int, do func()) {
	switch {
	case !p.up || p.life != life:
	case p.world.rates[p.crashes] > 0 && p.world.random.IntN(50) == 0 && p.world.strikes(p.crashes):
		p.kill()
	default:
		do()
	}
}

// kill crashes a process, which is started again later.
func (p *process) kill() {
	p.self.crash("crashes")
	p.world.after(p.world.between(100*ms, 10*second), p.self.start)
}

func (p *process) begin() {
	p.life++
	p.up, p.stopping = true, false
	p.note("starts")
}

func (p *process) end(how string) {
	p.up = false
	p.note("%s", how)
}

func (p *process) note(format string, args ...any) { p.world.note(p.name, format, args...) }
