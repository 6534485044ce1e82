package simulation

import (
	"slices"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/trace"

	relayv1 "github.com/maskline/maskline/proto/gen/maskline/relay/v1"
	"github.com/maskline/maskline/services/fetcher"
)

const (
	batchMost = 10
	deleters  = 8
	// entryMost is the most that one message is counted with: overhead, body, ids, attributes.
	entryMost = 512 + bodyMost + 200
)

// fetcherProcess is a fetcher. It mirrors services/fetcher/receive.go, forward.go, settle.go, letters.go and extend.go
// around the real fetcher.Table and fetcher.Brake.
type fetcherProcess struct {
	*process
	table     *fetcher.Table
	brake     *fetcher.Brake
	maskers   *client
	polling   int
	deleting  int
	lettering bool
	extending int
	lastBatch uint64
	probing   bool
	noLetters bool // the dead-letter queue gives trouble
	witness   witness
}

func newFetcher(w *World, i int) *fetcherProcess {
	p := &fetcherProcess{process: &process{world: w, crashes: crashedFetcher, name: "fetcher-" + strconv.Itoa(i+1)}}
	p.self = p
	return p
}

func (p *fetcherProcess) start() {
	p.begin()
	s := p.world.setup
	p.brake = fetcher.NewBrake(s.brake)
	p.table = fetcher.NewTable(s.inFlight, s.inFlightSize, s.visibility, p.brake)
	p.polling, p.deleting, p.lettering, p.extending, p.lastBatch, p.probing, p.noLetters = 0, 0, false, 0, 0, false, false
	p.witness = newWitness(p)
	var servers []*server
	for _, m := range p.world.maskers {
		servers = append(servers, m.server)
	}
	p.maskers = newClient(p.process, p, servers)
	p.tick()
	p.after(10*second, p.probe)
}

func (p *fetcherProcess) crash(how string) {
	p.end(how)
	p.world.cutAll(p.process)
}

// stop mirrors Fetcher.stop: no new receive; what was never sent goes back; the rest is finished.
func (p *fetcherProcess) stop() {
	p.stopping = true
	p.note("stops")
	p.release()
	released := false
	p.world.await(p, func() bool {
		if p.polling > 0 {
			return false
		}
		if !released {
			released = true
			p.release()
		}
		if n, _ := p.table.InFlight(); n > 0 {
			return false
		}
		if !p.maskers.closing {
			p.maskers.shutdown()
		}
		return p.maskers.open() == 0
	})
}

func (p *fetcherProcess) release() {
	for call := range slices.Chunk(p.table.Release(), batchMost) {
		p.note("gives %d messages back", len(call))
		p.world.queue.extend(p.process, call, 0, func([]fetcher.Failure, error) {})
	}
}

// pump begins whatever can be begun now, as the goroutines of a fetcher do when they are woken.
func (p *fetcherProcess) pump() {
	s := p.world.setup
	for !p.stopping && p.polling < s.pollers && p.intakeOpen() && p.table.Reserve(batchMost, bodyMost) {
		p.poll()
	}
	for p.forwardOne() {
	}
	for p.deleting < deleters && p.delete() {
	}
	if !p.lettering {
		p.sendLetters()
	}
	p.witness.bounds()
}

// intakeOpen mirrors Fetcher.intakeOpen.
func (p *fetcherProcess) intakeOpen() bool {
	return p.maskers.ready() && !p.brake.On() && !p.noLetters
}

func (p *fetcherProcess) poll() {
	p.polling++
	began := p.world.time()
	p.world.queue.receive(p.process, p.world.between(2*second, 20*second), func(got []fetcher.Message, err error) {
		for _, m := range got {
			_, fresh := p.table.Receive(m, began.Add(p.world.setup.visibility), trace.SpanContext{})
			p.witness.received(m, fresh)
		}
		if len(got) > 0 {
			p.note("receives %s", receiptsOf(got))
		}
		p.table.Refund(batchMost, bodyMost)
		if err != nil {
			p.after(p.world.between(50*ms, second), func() { p.polling--; p.pump() })
		} else {
			p.polling--
		}
		p.pump()
	})
}

// forwardOne mirrors Fetcher.forwardOne.
func (p *fetcherProcess) forwardOne() bool {
	if p.brake.On() && !p.probing {
		return false
	}
	frame := p.table.Frame(p.maskers.idle())
	if len(frame) == 0 {
		return false
	}
	p.lastBatch++
	b := &rawBatch{id: p.lastBatch}
	for _, e := range frame {
		b.events = append(b.events, rawEvent{id: e.EventID, body: p.world.bodyOf(e.Message.Body)})
	}
	if !p.maskers.trySend(b, loadOf(len(frame))) {
		return false
	}
	p.witness.sent(b.id, frame)
	p.table.Sent(b.id, frame, trace.SpanContext{})
	p.probing = false
	return true
}

func (p *fetcherProcess) delete() bool {
	entries, receipts := p.table.TakeDeletes(batchMost)
	if len(entries) == 0 {
		return false
	}
	p.deleting++
	p.witness.using(receipts, "deletes")
	p.note("deletes %s", handles(receipts))
	p.world.queue.delete(p.process, receipts, func(failed []fetcher.Failure, err error) {
		p.deleting--
		expected := p.witness.expectDeleted(receipts, failed, err)
		deleted, givenUp := p.table.DeletesAnswered(p.world.time(), entries, receipts, failed, err)
		if deleted != expected {
			p.world.broken("%s counts %d of %s as deleted, and %d are", p.name, deleted, handles(receipts), expected)
		}
		if err != nil || len(failed) > 0 {
			p.note("delete of %s: %v, %d failed, %d given up", handles(receipts), err, len(failed), givenUp)
		}
		p.pump()
	})
	return true
}

// sendLetters mirrors Fetcher.sendLetters, one call at a time.
func (p *fetcherProcess) sendLetters() {
	entries, _ := p.table.TakeLetters(batchMost)
	if len(entries) == 0 {
		return
	}
	p.lettering = true
	var letters []fetcher.Letter
	for _, e := range entries {
		l, ok := e.Letter(1 << 20)
		if !ok {
			p.world.broken("%s finds no room for the letter of %s", p.name, e.Message.ID)
		}
		letters = append(letters, l)
	}
	p.world.queue.deadLetter(p.process, letters, func(failed []fetcher.Failure, err error) {
		p.lettering = false
		p.noLetters = err != nil || len(failed) > 0
		p.table.LettersAnswered(p.world.time(), entries, failed, err)
		p.pump()
	})
}

// tick mirrors Fetcher.extendVisibility.
func (p *fetcherProcess) tick() {
	p.after(250*ms, p.tick)
	p.table.Tick(p.world.time())
	if p.extending == 0 {
		p.extend()
	}
	p.pump()
}

func (p *fetcherProcess) extend() {
	began := p.world.time()
	entries, receipts := p.table.DueExtensions(began, 2000)
	for len(entries) > 0 {
		n := min(batchMost, len(entries))
		call, used := entries[:n], receipts[:n]
		entries, receipts = entries[n:], receipts[n:]
		p.extending++
		p.witness.using(used, "extends")
		p.note("extends %s", handles(used))
		p.world.queue.extend(p.process, used, p.world.setup.visibility, func(failed []fetcher.Failure, err error) {
			p.extending--
			p.witness.extended(used, failed, err)
			p.table.ExtensionsAnswered(began.Add(p.world.setup.visibility), call, used, failed, err)
			p.pump()
		})
	}
}

// probe mirrors Fetcher.probe.
func (p *fetcherProcess) probe() {
	p.after(10*second, p.probe)
	if p.brake.On() && !p.stopping {
		p.note("probes, for the brake holds")
		p.table.Probe()
		p.probing = true
		p.pump()
	}
}

// Settled implements relay.Handler, as do Returned and Changed.
func (p *fetcherProcess) Settled(s *relayv1.Settlement) {
	out, err := p.table.Settle(p.world.time(), s)
	p.witness.settled(s, out, err)
	if err != nil {
		p.note("settlement ignored: %v", err)
	}
	p.pump()
}

// Returned takes batches back whose stream broke.
func (p *fetcherProcess) Returned(batches []uint64) {
	p.table.Return(batches)
	p.witness.returned(batches)
	p.pump()
}

// Changed says that there may be credit.
func (p *fetcherProcess) Changed() { p.pump() }

func handles(receipts []fetcher.Receipt) string {
	all := make([]string, len(receipts))
	for i, r := range receipts {
		all[i] = r.Handle
	}
	return strings.Join(all, " ")
}

func receiptsOf(got []fetcher.Message) string {
	receipts := make([]fetcher.Receipt, len(got))
	for i, m := range got {
		receipts[i].Handle = m.Receipt
	}
	return handles(receipts)
}
