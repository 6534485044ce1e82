package fetcher

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/maskline/maskline/pkg/failpoint"
	"github.com/maskline/maskline/pkg/telemetry"
	relayv1 "github.com/maskline/maskline/proto/gen/maskline/relay/v1"
)

// deleters is how many delete calls run at a time: as many as receives, for a call of either takes ten messages, and a
// failed delete pauses as a failed receive does. A backlog of deletes holds credit, so it slows the intake by itself.
func deleters(pollers int) int {
	const least = 8
	return max(pollers, least)
}

// batchMost is the most entries that SQS takes in one batch call.
const batchMost = 10

// Settled implements relay.Handler.
func (f *Fetcher) Settled(s *relayv1.Settlement) {
	f.mu.Lock()
	defer f.mu.Unlock()
	out, err := f.table.Settle(time.Now(), s)
	ctx := trace.ContextWithSpanContext(context.Background(), out.Span)
	ctx, span := f.tracer.Start(ctx, telemetry.SpanSettle, trace.WithAttributes(
		attribute.Int64(telemetry.AttrBatchID, int64(s.GetBatchId())), attribute.Int(telemetry.AttrRecords, int(s.GetRecordCount()))))
	defer span.End()
	if err != nil {
		f.log.ErrorContext(ctx, "settlement ignored", telemetry.KeyBatch, s.GetBatchId(), telemetry.KeyCause, err)
	}
	f.counters.Add(telemetry.CounterCommitted, uint64(out.Committed))
	f.counters.Add(telemetry.CounterDuplicate, uint64(out.Duplicate))
	f.counters.Add(telemetry.CounterSkipped, uint64(out.Skipped))
	f.counters.Add(telemetry.CounterRejected, uint64(len(out.Rejected)))
	f.counters.Add(telemetry.CounterRetried, uint64(out.Retried))
	for _, e := range out.Rejected {
		f.logRejection(ctx, e)
		f.metrics.rejected(ctx, e.Rejection)
	}
	f.noteBrake(ctx, out)
	if err == nil { // under mu, so that no delete runs before
		failpoint.Hit(failpoint.FetcherAfterSettlement, func() string { return out.text(s.GetBatchId()) })
	}
	f.wakeAll()
}

func (f *Fetcher) logRejection(ctx context.Context, e *Entry) {
	f.log.WarnContext(ctx, "message rejected", telemetry.KeyMessageID, e.Message.ID, telemetry.KeyReason, e.Rejection.GetReason(),
		telemetry.KeyColumn, e.Rejection.GetColumn(), telemetry.KeySQLState, e.Rejection.GetSqlstate(),
		telemetry.KeyConstraint, e.Rejection.GetConstraint(), telemetry.KeyStage, e.Rejection.GetStage())
}

// refused notes a message that was rejected before it went anywhere.
func (f *Fetcher) refused(ctx context.Context, e *Entry) {
	if e.stage == letter {
		f.counters.Add(telemetry.CounterRejected, 1)
		f.logRejection(ctx, e)
		f.metrics.rejected(ctx, e.Rejection)
	}
	f.noteBrake(ctx, Settled{})
}

func (f *Fetcher) noteBrake(ctx context.Context, out Settled) {
	if out.Released {
		f.troubles.clear("intake")
	}
	if f.brake.On() {
		f.troubles.set(ctx, "intake", f.brakeText())
	}
}

// Returned implements relay.Handler.
func (f *Fetcher) Returned(batches []uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.counters.Add(telemetry.CounterRetried, uint64(f.table.Return(batches)))
	f.forward.Broadcast()
}

// Changed implements relay.Handler.
func (f *Fetcher) Changed() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.intake.Broadcast()
	f.forward.Broadcast()
}

// wakeAll wakes everyone who waits for work. The caller holds mu.
func (f *Fetcher) wakeAll() {
	f.intake.Broadcast()
	f.forward.Broadcast()
	f.deletes.Broadcast()
	f.letters.Broadcast()
	f.quiet.Broadcast()
}

// deleteSettled deletes what is finished, in tens.
func (f *Fetcher) deleteSettled(ctx context.Context) {
	for {
		f.mu.Lock()
		entries, receipts := f.table.TakeDeletes(batchMost)
		for len(entries) == 0 && !f.stopped {
			f.deletes.Wait()
			entries, receipts = f.table.TakeDeletes(batchMost)
		}
		f.mu.Unlock()
		if len(entries) == 0 {
			return
		}
		f.deleteBatch(ctx, entries, receipts)
	}
}

func (f *Fetcher) deleteBatch(ctx context.Context, entries []*Entry, receipts []Receipt) {
	spanCtx := trace.ContextWithSpanContext(ctx, entries[0].Forwarded)
	spanCtx, span := f.tracer.Start(spanCtx, telemetry.SpanDelete, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithLinks(forwardLinks(entries)...), trace.WithAttributes(callAttributes(f.source.Name, "DeleteMessageBatch", "settle")...),
		trace.WithAttributes(attribute.Int(telemetry.AttrMessagingBatchCount, len(entries))))
	defer span.End()
	failed, err := f.queue.Delete(spanCtx, receipts)
	span.SetAttributes(errorAttributes(failed, err)...)
	if err != nil {
		f.troubles.set(ctx, "delete", err.Error())
		span.SetStatus(codes.Error, "")
	} else {
		f.troubles.clear("delete")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	deleted, givenUp := f.table.DeletesAnswered(time.Now(), entries, receipts, failed, err)
	f.counters.Add(telemetry.CounterDeleted, uint64(deleted))
	f.counters.Add(telemetry.CounterGivenUp, uint64(givenUp))
	f.wakeAll()
}
