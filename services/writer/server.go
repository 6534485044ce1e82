package writer

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/maskline/maskline/pkg/relay"
	"github.com/maskline/maskline/pkg/telemetry"
	relayv1 "github.com/maskline/maskline/proto/gen/maskline/relay/v1"
	writerv1 "github.com/maskline/maskline/proto/gen/maskline/writer/v1"
)

// service answers the streams of maskers.
type service struct {
	writerv1.UnimplementedWriterServiceServer
	writer *Writer
}

// Write takes one stream from its schema to its end.
func (s *service) Write(stream grpc.BidiStreamingServer[writerv1.WriteRequest, writerv1.WriteResponse]) error {
	w := s.writer
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	if first.GetSchema() == nil {
		return malformed("first message: not a schema")
	}
	shape, err := NewShape(first.GetSchema())
	if err != nil {
		return err
	}
	session := w.relay.Open(stream.Context(), func(reply *relayv1.Reply) error {
		return stream.Send(&writerv1.WriteResponse{Reply: reply})
	})
	defer session.Close()
	if err := w.admit(stream.Context(), shape); err != nil {
		return err
	}
	defer w.streams.add(peerOf(stream.Context()), session)()
	session.Accept()
	for {
		request, err := stream.Recv()
		switch {
		case errors.Is(err, io.EOF):
			return session.Finish(stream.Context())
		case err != nil:
			return err
		case request.GetBatch() == nil:
			return malformed("not a batch")
		}
		if err := w.take(stream.Context(), shape, session, request.GetBatch()); err != nil {
			return err
		}
	}
}

// admit returns once the table can take the rows of the shape. While the database cannot be asked the stream waits,
// with heartbeats that say so.
func (w *Writer) admit(ctx context.Context, s *Shape) error {
	if !w.mayWrite(s.table) {
		r := &RefusalError{Table: s.table}
		r.add("not in MASKLINE_TABLES, which allows %v", w.cfg.Tables)
		w.health.refused(ctx, s.table, r.Error())
		return status.Error(codes.FailedPrecondition, r.Error())
	}
	for {
		err := w.inspector.check(ctx, s)
		var refusal *RefusalError
		switch {
		case err == nil:
			w.health.accepted(s.table)
			return nil
		case errors.As(err, &refusal):
			w.health.refused(ctx, s.table, refusal.Error())
			return status.Error(codes.FailedPrecondition, refusal.Error())
		case ctx.Err() != nil:
			return status.FromContextError(ctx.Err()).Err()
		}
		w.health.trouble(ctx, watchName, describe(err, s.table))
		timer := time.NewTimer(mendingEvery)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		case <-w.draining:
			timer.Stop()
			return status.Error(codes.Unavailable, "stopping")
		}
	}
}

// take charges a batch and hands it to the connections.
func (w *Writer) take(ctx context.Context, s *Shape, session *relay.Session, b *writerv1.MaskedBatch) error {
	f, err := Decode(s, b)
	if err != nil {
		return err
	}
	if err := session.Receive(f.batchID, f.Load()); err != nil {
		return err
	}
	_, f.span = w.tracer.Start(telemetry.Extract(ctx, b.GetTraceparent(), b.GetTracestate()), telemetry.SpanWrite,
		trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(
			attribute.Int64(telemetry.AttrBatchID, int64(f.batchID)),
			attribute.Int(telemetry.AttrRecords, f.rows),
			attribute.Int64(telemetry.AttrBytes, f.bytes),
		))
	f.settle = func(s *relayv1.Settlement) {
		w.metrics.settled(context.Background(), f.sentAt)
		session.Settle(s)
	}
	w.counters.Add(telemetry.CounterReceived, uint64(f.rows))
	w.counters.Add(telemetry.CounterBytes, uint64(f.bytes))
	w.intake.add(f)
	return nil
}

// mayWrite holds a table's name against the allow-list.
func (w *Writer) mayWrite(table string) bool {
	return slices.Contains(w.cfg.Tables, table)
}

func peerOf(ctx context.Context) string {
	if p, ok := peer.FromContext(ctx); ok {
		return p.Addr.String()
	}
	return ""
}
