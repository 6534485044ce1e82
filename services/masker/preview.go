package masker

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/maskline/maskline/pkg/telemetry"
	maskerv1 "github.com/maskline/maskline/proto/gen/maskline/masker/v1"
	relayv1 "github.com/maskline/maskline/proto/gen/maskline/relay/v1"
	"github.com/maskline/maskline/services/masker/mapping"
)

// Preview returns the row that one body would become. It is refused unless switched on: who may call it can try values
// and compare masks.
func (m *Masker) Preview(ctx context.Context, request *maskerv1.PreviewRequest) (*maskerv1.PreviewResponse, error) {
	if !m.cfg.Preview {
		return nil, status.Error(codes.FailedPrecondition, "Preview is switched off: it is a masking oracle; MASKLINE_PREVIEW=true switches it on")
	}
	if n := len(request.GetEvent().GetEventId()); n != 0 && n != eventIDSize {
		return nil, status.Errorf(codes.InvalidArgument, "event_id of %d bytes: %d are needed, or none", n, eventIDSize)
	}
	r := recordOf(ctx, &maskerv1.RawBatch{Queue: request.GetQueue()})
	r.take(request.GetEvent())
	row, result := m.program.Preview(&r.Record)
	response := &maskerv1.PreviewResponse{}
	switch result.Verdict {
	case mapping.Accepted:
		response.Verdict = relayv1.Verdict_VERDICT_COMMITTED
	case mapping.Skipped:
		response.Verdict = relayv1.Verdict_VERDICT_SKIPPED
	case mapping.Rejected:
		response.Verdict = relayv1.Verdict_VERDICT_REJECTED
		response.Rejection = &relayv1.Rejection{Reason: string(result.Reason), Column: result.Field, Stage: telemetry.StageMasker}
	}
	for _, c := range row {
		response.Columns = append(response.Columns, &maskerv1.PreviewColumn{Name: c.Name, Value: c.Text, IsNull: c.Null})
	}
	return response, nil
}
