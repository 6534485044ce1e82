package rpc

import (
	"context"

	controlv1 "github.com/maskline/maskline/proto/gen/maskline/control/v1"
)

// NewStatus serves GetStatus from a function, which must be safe for concurrent use.
func NewStatus(status func() *controlv1.GetStatusResponse) controlv1.ControlServiceServer {
	return statusServer{status: status}
}

type statusServer struct {
	controlv1.UnimplementedControlServiceServer

	status func() *controlv1.GetStatusResponse
}

func (s statusServer) GetStatus(context.Context, *controlv1.GetStatusRequest) (*controlv1.GetStatusResponse, error) {
	return s.status(), nil
}
