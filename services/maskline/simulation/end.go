package simulation

import (
	"slices"
	"strings"
	"time"

	"github.com/maskline/maskline/pkg/relay"
	"github.com/maskline/maskline/services/fetcher"
)

// This file is how a run ends: the faults stop, everything must drain within a bounded time, the operator redrives what
// is in the dead-letter queue for no fault of its own, and then all that was promised must hold.

const (
	// drainedWithin bounds how long that may take: a few visibility timeouts and probes of the brake.
	drainedWithin = 15 * time.Minute
	grace         = 60 * second
	patience      = 40 // seconds of a brake that holds, before the operator acts
)

// heal ends all faults.
func (w *World) heal() {
	w.healing = true
	w.note("world", "no more faults")
	w.mend()
	w.database.broken = ""
	w.supervise(w.now+drainedWithin, 0)
}

// supervise looks every second whether everything is done.
func (w *World) supervise(deadline time.Duration, held int) {
	switch {
	case w.drained() && w.redriveStray():
	case w.drained():
		w.checkEnd()
		w.ending = true
		w.after(0, w.stopAll)
		return
	case w.now > deadline:
		w.broken("not drained %s after the last fault: %s", drainedWithin, w.rest())
		return
	}
	held++
	if !slices.ContainsFunc(w.fetchers, func(p *fetcherProcess) bool { return p.up && p.brake.On() }) {
		held = 0
	}
	if held > patience {
		held = 0
		w.restartHeld()
	}
	w.after(second, func() { w.supervise(deadline, held) })
}

// restartHeld is what an operator does about a brake that holds for messages that are bad indeed.
func (w *World) restartHeld() {
	for _, p := range w.fetchers {
		if p.up && !p.stopping && p.brake.On() {
			p.crash("is restarted by the operator, for its brake holds")
			w.after(second, p.start)
		}
	}
}

func (w *World) drained() bool {
	for _, p := range w.programs() {
		if b := p.base(); !b.up || b.stopping {
			return false
		}
	}
	for _, p := range w.fetchers {
		if n, _ := p.table.InFlight(); n > 0 {
			return false
		}
	}
	return len(w.queue.messages) == 0 && w.queue.returning == 0
}

// rest says what is left.
func (w *World) rest() string {
	var left []string
	for _, m := range w.queue.messages {
		left = append(left, m.handle)
	}
	for _, p := range w.fetchers {
		if p.up {
			if n, _ := p.table.InFlight(); n > 0 {
				left = append(left, p.name)
			}
		}
	}
	return strings.Join(left, " ") + " are left"
}

// redriveStray redrives what SQS itself moved away, and what was rejected for a mistake in the mapping.
func (w *World) redriveStray() (some bool) {
	for i := 0; i < len(w.queue.letters); {
		l := w.queue.letters[i]
		if attribute(l.attributes, fetcher.OriginAttribute) == "" || attribute(l.attributes, fetcher.RejectAttribute) == "" || l.body.fate == mistaken {
			w.queue.redrive(i, w.rates[redrivenBySQS] == 0)
			some = true
			continue
		}
		i++
	}
	return some
}

// checkEnd holds the queue, the table and the dead-letter queue against each message's fate.
func (w *World) checkEnd() {
	copies := make([]int, len(w.bodies))
	for _, l := range w.queue.letters {
		copies[l.body.number]++
		w.checkLetter(l)
	}
	for _, b := range w.bodies {
		row := b.fate == good || b.fate == mistaken
		switch {
		case row && b.rows == 0:
			w.broken("message %d is lost", b.number)
		case row && b.rows > len(b.origins), !row && b.rows > 0:
			w.broken("message %d, %s, has %d rows", b.number, fateNames[b.fate], b.rows)
		case (b.fate == unmaskable || b.fate == unwritable) && copies[b.number] == 0:
			w.broken("message %d, %s, is not in the dead-letter queue", b.number, fateNames[b.fate])
		}
	}
	w.note("world", "drained: %d rows, %d letters", len(w.database.rows), len(w.queue.letters))
}

// stopAll stops the programs in the order of the data, and sees that none has anything left.
func (w *World) stopAll() {
	for _, stage := range [][]program{asPrograms(w.fetchers), asPrograms(w.maskers), asPrograms(w.writers)} {
		running := false
		for _, p := range stage {
			running = running || p.base().up
			if p.base().up && !p.base().stopping {
				p.stop()
			}
		}
		if running {
			w.after(second, w.stopAll)
			return
		}
	}
	w.stopped = true
}

func asPrograms[P program](some []P) (all []program) {
	for _, p := range some {
		all = append(all, p)
	}
	return all
}

// await ends a program that stops once it has finished, or its grace is over, and starts it again if there is more to do.
func (w *World) await(p program, finished func() bool) {
	life, until := p.base().life, w.now+grace
	var look func()
	look = func() {
		if !p.base().up || p.base().life != life {
			return
		}
		switch over := finished(); {
		case over:
			p.rest()
			p.crash("has stopped")
		case w.now > until:
			p.crash("is killed, for its grace is over")
			if w.healing && w.drained() {
				w.broken("%s cannot stop though there is nothing to do", p.base().name)
			}
		default:
			w.after(100*ms, look)
			return
		}
		if !w.ending {
			w.after(w.between(100*ms, 5*second), p.start)
		}
	}
	w.after(100*ms, look)
}

// cutAll is what the end of a process does to its streams.
func (w *World) cutAll(p *process) {
	w.streams = slices.DeleteFunc(w.streams, func(s *stream) bool { return s.over() })
	for _, s := range w.streams {
		if s.client.client.process == p && !s.clientOver {
			s.clientDies()
		}
		if s.server.process == p && !s.serverOver {
			s.serverDies()
		}
	}
}

// rest: all credit has come back.
func (p *fetcherProcess) rest() {
	s := p.world.setup
	records, bytes := p.table.InFlight()
	each := s.inFlightSize/int64(s.inFlight) - 512
	if records != 0 || bytes != 0 || !p.table.Reserve(s.inFlight, each) {
		p.world.broken("%s has nothing to do and keeps credit: %d messages, %d bytes", p.name, records, bytes)
	}
	p.maskers.rest()
}

func (p *maskerProcess) rest() {
	if p.world.ending { // else it may stop with what a broken stream has left: nobody waits for that
		p.server.rest()
	}
	p.writers.rest()
}

func (p *writerProcess) rest() { p.server.rest() }

func (c *client) rest() {
	if len(c.outstanding) > 0 {
		c.process.world.broken("%s has stopped, and %d batches never came back", c.process.name, len(c.outstanding))
	}
}

// rest: without streams every window is free, which as many new streams show.
func (s *server) rest() {
	w := s.process.world
	if s.held != 0 || s.pool.InFlight() != (relay.Load{}) {
		w.broken("%s has stopped, and holds %d bytes, %v by its pool", s.process.name, s.held, s.pool.InFlight())
	}
	free := 0
	for i := range uint64(w.setup.windows) + 1 {
		free += len(s.pool.Join(s.lastID + 1 + i))
	}
	if free != int(w.setup.windows) {
		w.broken("%s has stopped, and has credit for %d streams, not %d", s.process.name, free, w.setup.windows)
	}
}
