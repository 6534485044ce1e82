package simulation

import (
	"slices"
	"strconv"

	"github.com/maskline/maskline/pkg/relay"
	relayv1 "github.com/maskline/maskline/proto/gen/maskline/relay/v1"
	writerv1 "github.com/maskline/maskline/proto/gen/maskline/writer/v1"
	"github.com/maskline/maskline/services/masker"
)

// maskerProcess is a masker. It mirrors services/masker/server.go, work.go and forward.go around the real masker.Ledger.
type maskerProcess struct {
	*process
	server    *server
	writers   *client
	ledger    *masker.Ledger
	shape     int
	lastBatch uint64
	jobs      []*job
	working   int
	waiting   []func() // workers that wait for a writer's credit
	ready     bool
}

// rawBatch is what a fetcher sends.
type rawBatch struct {
	id     uint64
	events []rawEvent
}

type rawEvent struct {
	id   eventID
	body *body
}

func (b *rawBatch) number() uint64 { return b.id }

// loadOfRecord stands for the encoded size of one record.
const loadOfRecord = 100

func loadOf(records int) relay.Load {
	return relay.Load{Records: records, Bytes: int64(records) * loadOfRecord}
}

type job struct {
	session *session
	batch   *rawBatch
	pending *masker.Pending
	parts   [][]uint32
}

func newMasker(w *World, i int) *maskerProcess {
	p := &maskerProcess{process: &process{world: w, crashes: crashedMasker, name: "masker-" + strconv.Itoa(i+1)}, shape: i % 2}
	p.self = p
	p.server = &server{process: p.process, service: p}
	return p
}

func (p *maskerProcess) start() {
	p.begin()
	p.server.reset(p.world.setup.window, p.world.setup.windows)
	p.ledger, p.lastBatch, p.jobs, p.working, p.waiting, p.ready = masker.NewLedger(), 0, nil, 0, nil, false
	var servers []*server
	for _, s := range p.world.writers {
		servers = append(servers, s.server)
	}
	p.writers = newClient(p.process, p, servers)
}

func (p *maskerProcess) crash(how string) {
	p.end(how)
	p.world.cutAll(p.process)
}

// stop mirrors the end of Masker.Run.
func (p *maskerProcess) stop() {
	p.stopping = true
	p.note("stops")
	p.server.drain()
	p.world.await(p, func() bool {
		if len(p.server.sessions) > 0 {
			return false
		}
		if !p.writers.closing {
			p.writers.shutdown()
		}
		return p.writers.open() == 0
	})
}

func (p *maskerProcess) state() relayv1.State {
	if !p.writers.ready() {
		return relayv1.State_STATE_WAITING_FOR_DOWNSTREAM
	}
	return relayv1.State_STATE_WORKING
}

func (p *maskerProcess) received(x *session, b batch) {
	if raw, ok := b.(*rawBatch); ok {
		p.jobs = append(p.jobs, &job{session: x, batch: raw})
		p.work()
	}
}

// gone hands back what waits for a worker, and wakes the workers that wait for a writer: nobody waits for their answer.
func (p *maskerProcess) gone(x *session) {
	p.jobs = slices.DeleteFunc(p.jobs, func(j *job) bool {
		if j.session == x {
			x.Resend(j.batch.id)
		}
		return j.session == x
	})
	p.wake()
}

func (p *maskerProcess) work() {
	for p.working < p.world.setup.workers && len(p.jobs) > 0 {
		j := p.jobs[0]
		p.jobs = p.jobs[1:]
		p.working++
		delay := p.world.latency()
		if p.world.strikes(slowMasker) {
			delay += p.world.between(second, 20*second)
		}
		p.after(delay, func() { p.mask(j) })
	}
}

// mask gives each record its fate, and sends the rows on in one part or several.
func (p *maskerProcess) mask(j *job) {
	w := p.world
	j.pending = masker.NewPending(j.batch.id, len(j.batch.events), j.session)
	var positions []uint32
	cut := 1 + w.random.IntN(2*len(j.batch.events))
	for i, e := range j.batch.events {
		reason, column := e.body.refusedByMasker(w.mended)
		switch {
		case e.body.fate == unwanted:
			j.pending.Skip(i)
		case reason != "":
			j.pending.Reject(i, reason, column, "masker")
		default:
			w.byEvent[e.id] = e.body.number
			positions = append(positions, uint32(i))
		}
		if len(positions) == cut {
			j.parts = append(j.parts, positions)
			positions = nil
		}
	}
	if len(positions) > 0 {
		j.parts = append(j.parts, positions)
	}
	p.sendPart(j)
}

// sendPart mirrors outgoing.send and finish.
func (p *maskerProcess) sendPart(j *job) {
	if len(j.parts) == 0 {
		p.ledger.Complete(j.pending)
		p.free()
		return
	}
	positions := j.parts[0]
	j.parts = j.parts[1:]
	p.lastBatch++
	batch := &writerv1.MaskedBatch{BatchId: p.lastBatch, RecordCount: uint32(len(positions)), Columns: []*writerv1.ColumnData{{}}}
	for _, position := range positions {
		id := j.batch.events[position].id
		batch.EventIds = append(batch.EventIds, id[:]...)
		batch.Columns[0].Lengths = append(batch.Columns[0].Lengths, 0)
	}
	p.ledger.Expect(batch.GetBatchId(), j.pending, positions)
	p.try(j, &maskedBatch{shape: p.shape, proto: batch})
}

// try gives a part to a writer, as soon as one may take it.
func (p *maskerProcess) try(j *job, b *maskedBatch) {
	switch {
	case j.pending.Dead():
		p.free()
	case p.writers.trySend(b, relay.LoadOf(int(b.proto.GetRecordCount()), b.proto)):
		p.sendPart(j)
	case j.session.closed:
		p.ledger.HandBack(j.pending)
		p.free()
	default:
		p.waiting = append(p.waiting, func() { p.try(j, b) })
	}
}

func (p *maskerProcess) free() {
	p.working--
	p.work()
}

func (p *maskerProcess) wake() {
	again := p.waiting
	p.waiting = nil
	for _, try := range again {
		try()
	}
}

// Settled implements relay.Handler, as do Returned and Changed.
func (p *maskerProcess) Settled(s *relayv1.Settlement) {
	if _, err := p.ledger.Settle(s); err != nil {
		p.note("settlement ignored: %v", err)
	}
}

// Returned takes back parts without verdicts.
func (p *maskerProcess) Returned(batches []uint64) { p.ledger.Return(batches) }

// Changed wakes who waits for credit, and tells the fetchers of a new state.
func (p *maskerProcess) Changed() {
	if ready := p.writers.ready(); ready != p.ready {
		p.ready = ready
		p.server.announce()
	}
	p.wake()
}
