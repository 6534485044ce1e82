package fetcher

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"

	"github.com/maskline/maskline/pkg/failpoint"
	"github.com/maskline/maskline/pkg/relay"
	"github.com/maskline/maskline/pkg/telemetry"
	maskerv1 "github.com/maskline/maskline/proto/gen/maskline/masker/v1"
	relayv1 "github.com/maskline/maskline/proto/gen/maskline/relay/v1"
)

// forwardFrames sends held messages downstream: whatever there is to a stream with nothing to do, else full frames.
func (f *Fetcher) forwardFrames(ctx context.Context) {
	for {
		f.mu.Lock()
		for !f.stopped && !f.forwardOne(ctx) {
			f.forward.Wait()
		}
		stopped := f.stopped
		f.mu.Unlock()
		if stopped {
			return
		}
	}
}

// forwardOne sends one frame if there is one and a stream that may take it. The caller holds mu.
func (f *Fetcher) forwardOne(ctx context.Context) bool {
	if f.brake.On() && !f.probing {
		return false
	}
	frame := f.table.Frame(f.client.Idle())
	if len(frame) == 0 {
		return false
	}
	parent := trace.ContextWithSpanContext(ctx, frame[0].Received)
	parent, span := f.tracer.Start(parent, telemetry.SpanForward, trace.WithSpanKind(trace.SpanKindProducer),
		trace.WithLinks(receiveLinks(frame)...), trace.WithAttributes(attribute.Int(telemetry.AttrRecords, len(frame))))
	f.lastBatch++
	batch := f.rawBatch(parent, f.lastBatch, frame)
	failpoint.Hit(failpoint.FetcherBeforeSend, func() string { return eventIDs(frame) })
	// Sent comes after TrySend and under the same lock, so a settlement cannot overtake it.
	if !f.client.TrySend(batch.GetBatchId(), relay.LoadOf(len(frame), batch), batch) {
		return false // the span is dropped: nothing was sent
	}
	defer span.End()
	span.SetAttributes(attribute.Int64(telemetry.AttrBatchID, int64(f.lastBatch)))
	f.table.Sent(f.lastBatch, frame, span.SpanContext())
	f.counters.Add(telemetry.CounterForwarded, uint64(len(frame)))
	f.metrics.frameSize.Record(ctx, float64(len(frame)))
	f.probing = false
	f.intake.Broadcast()
	return true
}

func (f *Fetcher) rawBatch(ctx context.Context, id uint64, frame []*Entry) *maskerv1.RawBatch {
	batch := &maskerv1.RawBatch{BatchId: id, Queue: f.source.Name, Events: make([]*maskerv1.RawEvent, len(frame))}
	batch.Traceparent, batch.Tracestate = telemetry.Inject(ctx)
	for i, e := range frame {
		event := &maskerv1.RawEvent{
			Body: e.Message.Body, EventId: e.EventID[:], SentAtMs: e.Origin.SentMS, ReceiveCount: uint32(e.Message.ReceiveCount),
			MessageId: e.Message.ID, GroupId: e.Message.GroupID,
		}
		for _, a := range e.Message.Attributes {
			value := a.Binary
			if value == nil {
				value = []byte(a.String)
			}
			event.Attributes = append(event.Attributes, &maskerv1.Attribute{Name: a.Name, Value: value})
		}
		batch.Events[i] = event
	}
	return batch
}

// probe lets a few messages try again while the brake holds, so that a mended mapping releases it.
func (f *Fetcher) probe() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.described && f.brake.On() && !f.stopping {
		f.table.Probe()
		f.probing = true
		f.forward.Broadcast()
	}
}

// probeEvery is the pause between probes.
const probeEvery = 10 * time.Second

// maskStream is a Mask call as the relay wants it.
type maskStream struct {
	grpc.BidiStreamingClient[maskerv1.MaskRequest, maskerv1.MaskResponse]
}

func openMask(ctx context.Context, conn *grpc.ClientConn) (relay.Stream[*maskerv1.RawBatch], error) {
	stream, err := maskerv1.NewMaskerServiceClient(conn).Mask(ctx)
	if err != nil {
		return nil, err
	}
	return maskStream{stream}, nil
}

func (s maskStream) Send(batch *maskerv1.RawBatch) error {
	return s.BidiStreamingClient.Send(&maskerv1.MaskRequest{Batch: batch})
}

func (s maskStream) Recv() (*relayv1.Reply, error) {
	response, err := s.BidiStreamingClient.Recv()
	return response.GetReply(), err
}
