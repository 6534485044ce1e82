package simulation

import (
	"crypto/sha256"
	"errors"
	"strconv"

	relayv1 "github.com/maskline/maskline/proto/gen/maskline/relay/v1"
	writerv1 "github.com/maskline/maskline/proto/gen/maskline/writer/v1"
	"github.com/maskline/maskline/services/writer"
)

// writerProcess is a writer. It mirrors services/writer/server.go, intake.go and commit.go around the real
// writer.Gathering, writer.Writing and writer.Verdicts.
type writerProcess struct {
	*process
	server     *server
	shapes     []*writer.Shape
	gathering  *writer.Gathering
	sessions   map[*writer.Frame]*session
	committers []*committer
}

// maskedBatch is what a masker sends.
type maskedBatch struct {
	shape int
	proto *writerv1.MaskedBatch
}

func (b *maskedBatch) number() uint64 { return b.proto.GetBatchId() }

// committer writes groups over one connection, one after another.
type committer struct {
	writer     *writerProcess
	connection *connection
	writing    *writer.Writing // nil: idle
	failures   int
}

func newWriter(w *World, i int) *writerProcess {
	p := &writerProcess{process: &process{world: w, crashes: crashedWriter, name: "writer-" + strconv.Itoa(i+1)}}
	p.self = p
	p.server = &server{process: p.process, service: p}
	for version := range 2 {
		hash := sha256.Sum256([]byte{byte(version)})
		shape, err := writer.NewShape(&writerv1.Schema{
			MappingHash: hash[:], Table: "events", Columns: []*writerv1.Column{{Name: "body"}},
		})
		if err != nil {
			panic(err)
		}
		p.shapes = append(p.shapes, shape)
	}
	return p
}

func (p *writerProcess) start() {
	p.begin()
	p.server.reset(p.world.setup.window, p.world.setup.windows)
	p.gathering, p.sessions, p.committers = writer.NewGathering(), map[*writer.Frame]*session{}, nil
	for range p.world.setup.connections {
		p.committers = append(p.committers, &committer{writer: p})
	}
}

func (p *writerProcess) crash(how string) {
	p.end(how)
	p.world.cutAll(p.process)
	for _, c := range p.committers {
		if c.connection != nil {
			c.connection.abandon()
		}
	}
}

// stop mirrors Writer.drain: the streams end when everything has its verdict, what broken ones left behind is committed.
func (p *writerProcess) stop() {
	p.stopping = true
	p.note("stops")
	p.server.drain()
	p.world.await(p, func() bool { return len(p.server.sessions) == 0 && len(p.sessions) == 0 })
}

func (p *writerProcess) state() relayv1.State {
	for _, c := range p.committers {
		if c.failures >= 4 { // mirrors patience
			return relayv1.State_STATE_WAITING_FOR_DATABASE
		}
	}
	return relayv1.State_STATE_WORKING
}

// gone leaves frames where they are: they belong to the writer and not to their stream.
func (p *writerProcess) gone(*session) {}

func (p *writerProcess) received(x *session, b batch) {
	m, ok := b.(*maskedBatch)
	if !ok {
		return
	}
	f, err := writer.Decode(p.shapes[m.shape], m.proto)
	if err != nil {
		p.world.broken("%s: batch %d: %v", p.name, b.number(), err)
		return
	}
	p.sessions[f] = x
	p.gathering.Add(f)
	for _, c := range p.committers {
		if c.writing == nil {
			c.next()
		}
	}
}

func (c *committer) next() {
	c.writing = nil
	if g := c.writer.gathering.Next(c.writer.world.setup.maxRows); g != nil {
		c.writing = writer.NewWriting(g)
		c.step()
	}
}

// step writes the next part of the group in one transaction.
func (c *committer) step() {
	p := c.writer
	rows, more := c.writing.Next()
	if !more {
		c.next()
		return
	}
	if c.connection == nil {
		p.world.database.connect(p.process, func(connection *connection, err error) {
			if err != nil {
				c.failed(err, true)
				return
			}
			c.connection = connection
			c.step()
		})
		return
	}
	ids := make([]eventID, len(rows))
	for i, r := range rows {
		ids[i] = r.ID()
	}
	sortIDs(ids)
	c.connection.insert(ids, func(inserted map[eventID]struct{}, err error) {
		if err != nil {
			c.failed(err, false)
			return
		}
		c.connection.commit(func(err error) {
			if err != nil {
				c.failed(err, false)
				return
			}
			p.note("committed %d rows, %d of them new", len(rows), len(inserted))
			c.healthy()
			verdicts := writer.Verdicts(rows, inserted)
			c.writing.Written()
			p.finish(p.gathering.Done(rows, verdicts))
			c.step()
		})
	})
}

func (c *committer) failed(err error, setup bool) {
	p := c.writer
	rows, _ := c.writing.Next()
	step := c.writing.Failed(err, setup, errors.Is(err, errRanOut))
	p.note("writing %d rows: %v; %+v", len(rows), err, step.Reason)
	if c.connection != nil && (c.connection.closed || step.Reconnect) {
		c.connection.drop()
		c.connection = nil
	}
	if step.Refused != nil {
		c.healthy()
		p.finish(p.gathering.Reject(*step.Refused, &relayv1.Rejection{Reason: step.Reason, Stage: "writer"}))
	}
	if !step.Pause {
		c.step()
		return
	}
	if c.failures++; c.failures == 4 {
		p.server.announce()
	}
	p.after(p.world.between(10*ms, second), c.step)
}

func (c *committer) healthy() {
	was := c.failures
	c.failures = 0
	if was >= 4 {
		c.writer.server.announce()
	}
}

func (p *writerProcess) finish(frames []*writer.Frame) {
	for _, f := range frames {
		x := p.sessions[f]
		if x == nil {
			p.world.broken("%s: a frame finished twice", p.name)
			return
		}
		delete(p.sessions, f)
		x.Settle(f.Settlement())
	}
}
