package masker

import (
	"context"
	"encoding/hex"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/maskline/maskline/pkg/relay"
	"github.com/maskline/maskline/pkg/telemetry"
	maskerv1 "github.com/maskline/maskline/proto/gen/maskline/masker/v1"
	"github.com/maskline/maskline/services/masker/mapping"
)

// partBytes cuts the rows of one raw batch into several masked ones: columns that read the same large field make more
// than was received. A part is at most this and one more row, mapping.MaxRowBytes, which must fit into the window of
// 4 MiB that a writer grants.
const partBytes = 1 << 20

// job is one raw batch on its way to a worker.
type job struct {
	gone    <-chan struct{} // the fetcher's stream has ended: nobody waits for an answer
	session *relay.Session
	batch   *maskerv1.RawBatch
}

// work masks batches, one at a time, with a keyed hash of its own for each column.
func (m *Masker) work(ctx context.Context) {
	worker, rows := m.program.NewWorker(), m.program.NewBatch()
	for {
		select {
		case j := <-m.jobs:
			m.mask(ctx, j, worker, rows)
		case <-ctx.Done():
			return
		}
	}
}

// mask runs the mapping over one batch, sends the rows on, and answers at once if there are none.
func (m *Masker) mask(ctx context.Context, j job, worker *mapping.Worker, rows *mapping.Batch) {
	ctx = telemetry.Extract(ctx, j.batch.GetTraceparent(), j.batch.GetTracestate())
	ctx, span := m.tracer.Start(ctx, telemetry.SpanMask, trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(
		attribute.Int64(telemetry.AttrBatchID, int64(j.batch.GetBatchId())), attribute.Int(telemetry.AttrRecords, len(j.batch.GetEvents()))))
	defer span.End()
	began := time.Now()
	pending := NewPending(j.batch.GetBatchId(), len(j.batch.GetEvents()), j.session)
	out := &outgoing{masker: m, gone: j.gone, pending: pending}
	record := recordOf(ctx, j.batch)
	rows.Reset()
	for i, event := range j.batch.GetEvents() {
		record.take(event)
		switch result := worker.Apply(&record.Record, rows); result.Verdict {
		case mapping.Accepted:
			out.positions = append(out.positions, uint32(i))
			if rows.Size() >= partBytes && !out.send(ctx, rows) {
				return
			}
		case mapping.Skipped:
			pending.Skip(i)
			m.counters.Add(telemetry.CounterSkipped, 1)
		case mapping.Rejected:
			pending.Reject(i, string(result.Reason), result.Field, telemetry.StageMasker)
			m.counters.Add(telemetry.CounterRejected, 1)
		}
	}
	if rows.Count() > 0 && !out.send(ctx, rows) {
		return
	}
	m.metrics.maskDuration.Record(ctx, (time.Since(began) - out.waited).Seconds())
	out.finish()
}

// record adapts one raw event after another to the mapping, without copying.
type record struct {
	mapping.Record

	event *maskerv1.RawEvent
}

func recordOf(ctx context.Context, batch *maskerv1.RawBatch) *record {
	r := &record{Record: mapping.Record{Queue: batch.GetQueue()}}
	if sc := trace.SpanContextFromContext(ctx); sc.HasTraceID() {
		id := sc.TraceID()
		r.TraceID = hex.EncodeToString(id[:])
	}
	r.Attribute = func(name string) ([]byte, bool) {
		for _, a := range r.event.GetAttributes() {
			if a.GetName() == name {
				return a.GetValue(), true
			}
		}
		return nil, false
	}
	return r
}

func (r *record) take(event *maskerv1.RawEvent) {
	r.event = event
	r.Body, r.SentAtMS, r.ReceiveCount = event.GetBody(), event.GetSentAtMs(), event.GetReceiveCount()
	r.MessageID, r.GroupID = event.GetMessageId(), event.GetGroupId()
	copy(r.EventID[:], event.GetEventId())
}
