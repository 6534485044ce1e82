package masker

import (
	"context"
	"slices"
	"time"

	"google.golang.org/grpc"

	"github.com/maskline/maskline/pkg/failpoint"
	"github.com/maskline/maskline/pkg/relay"
	"github.com/maskline/maskline/pkg/telemetry"
	relayv1 "github.com/maskline/maskline/proto/gen/maskline/relay/v1"
	writerv1 "github.com/maskline/maskline/proto/gen/maskline/writer/v1"
	"github.com/maskline/maskline/services/masker/mapping"
)

// outgoing is one raw batch on its way to the writers, in one part or several.
type outgoing struct {
	masker    *Masker
	gone      <-chan struct{} // nobody waits for the answer any more
	pending   *Pending
	positions []uint32 // of the rows gathered since the last part
	waited    time.Duration
}

// send gives the gathered rows to a writer, waiting until one may take them. It reports false when the batch is over:
// it was handed back meanwhile, or nobody waits for it.
func (o *outgoing) send(ctx context.Context, rows *mapping.Batch) bool {
	m := o.masker
	began := time.Now()
	defer func() { o.waited += time.Since(began) }()
	batch := rows.Proto()
	failpoint.Hit(failpoint.MaskerAfterMask, func() string { return failpoint.List(slices.Chunk(batch.GetEventIds(), eventIDSize)) })
	batch.Traceparent, batch.Tracestate = telemetry.Inject(ctx)
	m.mu.Lock()
	m.lastBatch++
	batch.BatchId = m.lastBatch
	m.ledger.Expect(batch.GetBatchId(), o.pending, o.positions)
	m.mu.Unlock()
	o.positions = nil
	load := relay.LoadOf(int(batch.GetRecordCount()), batch)
	for {
		m.mu.Lock()
		changed, dead := m.changed, o.pending.Dead()
		m.mu.Unlock()
		if dead {
			return false
		}
		if m.writers.TrySend(batch.GetBatchId(), load, batch) {
			m.counters.Add(telemetry.CounterForwarded, uint64(load.Records))
			m.metrics.frameSize.Record(ctx, float64(load.Records))
			return true
		}
		select {
		case <-changed:
			continue
		case <-o.gone:
		case <-ctx.Done():
		}
		m.mu.Lock()
		m.countRetried(m.ledger.HandBack(o.pending))
		m.mu.Unlock()
		return false
	}
}

// finish says that the last part is out, and answers if every verdict is known already.
func (o *outgoing) finish() {
	o.masker.mu.Lock()
	defer o.masker.mu.Unlock()
	o.masker.ledger.Complete(o.pending)
}

func (m *Masker) countRetried(records int) { m.counters.Add(telemetry.CounterRetried, uint64(records)) }

// Settled implements relay.Handler.
func (m *Masker) Settled(s *relayv1.Settlement) {
	m.mu.Lock()
	defer m.mu.Unlock()
	handedBack, err := m.ledger.Settle(s)
	m.countRetried(handedBack)
	if handedBack > 0 {
		m.log.Error("settlement ignored", telemetry.KeyBatch, s.GetBatchId(), telemetry.KeyCause, err)
	}
}

// Returned implements relay.Handler.
func (m *Masker) Returned(batches []uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.countRetried(m.ledger.Return(batches))
}

// Changed implements relay.Handler.
func (m *Masker) Changed() {
	ready, _ := m.writers.Ready()
	m.mu.Lock()
	close(m.changed)
	m.changed = make(chan struct{})
	news := ready != m.ready
	m.ready = ready
	m.mu.Unlock()
	if news {
		m.streams.Announce()
	}
}

// writeStream is a Write call as the relay wants it.
type writeStream struct {
	grpc.BidiStreamingClient[writerv1.WriteRequest, writerv1.WriteResponse]
}

// openWrite opens a stream and declares the schema; the writer grants credit once it has found that the table fits.
func (m *Masker) openWrite(ctx context.Context, conn *grpc.ClientConn) (relay.Stream[*writerv1.MaskedBatch], error) {
	stream, err := writerv1.NewWriterServiceClient(conn).Write(ctx)
	if err != nil {
		return nil, err
	}
	err = stream.Send(&writerv1.WriteRequest{Message: &writerv1.WriteRequest_Schema{Schema: m.schema}})
	if err != nil {
		_, err = stream.Recv() // the reason why the send ended
		return nil, err
	}
	return writeStream{stream}, nil
}

func (s writeStream) Send(batch *writerv1.MaskedBatch) error {
	return s.BidiStreamingClient.Send(&writerv1.WriteRequest{Message: &writerv1.WriteRequest_Batch{Batch: batch}})
}

func (s writeStream) Recv() (*relayv1.Reply, error) {
	response, err := s.BidiStreamingClient.Recv()
	return response.GetReply(), err
}
