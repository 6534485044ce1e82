package masker

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/maskline/maskline/pkg/relay"
	"github.com/maskline/maskline/pkg/telemetry"
	maskerv1 "github.com/maskline/maskline/proto/gen/maskline/masker/v1"
	relayv1 "github.com/maskline/maskline/proto/gen/maskline/relay/v1"
)

// eventIDSize is the length of an event id.
const eventIDSize = 16

// Mask serves one fetcher's stream.
func (m *Masker) Mask(stream grpc.BidiStreamingServer[maskerv1.MaskRequest, maskerv1.MaskResponse]) error {
	ctx := stream.Context()
	session := m.streams.Open(ctx, func(reply *relayv1.Reply) error {
		return stream.Send(&maskerv1.MaskResponse{Reply: reply})
	})
	defer session.Close()
	session.Accept()
	for {
		request, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return session.Finish(ctx)
		}
		if err != nil {
			return err
		}
		batch := request.GetBatch()
		if err := validate(batch); err != nil {
			return err
		}
		if err := session.Receive(batch.GetBatchId(), relay.LoadOf(len(batch.GetEvents()), batch)); err != nil {
			return err
		}
		m.counters.Add(telemetry.CounterReceived, uint64(len(batch.GetEvents())))
		if err := m.enqueue(ctx, session, batch); err != nil {
			return err
		}
	}
}

// enqueue hands a batch to a worker. Waiting for one stops the reading of the stream; the credit bounds what waits.
func (m *Masker) enqueue(ctx context.Context, session *relay.Session, batch *maskerv1.RawBatch) error {
	select {
	case m.jobs <- job{gone: ctx.Done(), session: session, batch: batch}:
		return nil
	case <-ctx.Done():
		session.Resend(batch.GetBatchId())
		return context.Cause(ctx)
	}
}

// validate refuses what no fetcher sends. Its errors are the masker's only gRPC codes: the fault is the client's.
func validate(batch *maskerv1.RawBatch) error {
	n := len(batch.GetEvents())
	if n == 0 || n > relay.MaxFrameRecords {
		return status.Errorf(codes.InvalidArgument, "batch of %d events: 1 to %d are allowed", n, relay.MaxFrameRecords)
	}
	for i, e := range batch.GetEvents() {
		if len(e.GetEventId()) != eventIDSize {
			return status.Errorf(codes.InvalidArgument, "event %d: event_id of %d bytes: %d are needed", i, len(e.GetEventId()), eventIDSize)
		}
	}
	return nil
}
