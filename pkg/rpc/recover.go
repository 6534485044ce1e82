package rpc

import (
	"context"
	"log/slog"
	"runtime/debug"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/maskline/maskline/pkg/telemetry"
)

// errPanic is all that a caller learns of a panic.
var errPanic = status.Error(codes.Internal, "internal error; the server's log has the stack")

func recoverStream(log *slog.Logger) grpc.StreamServerInterceptor {
	return func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
		defer func() {
			if recover() != nil {
				logPanic(stream.Context(), log, info.FullMethod)
				err = errPanic
			}
		}()
		return handler(srv, stream)
	}
}

func recoverUnary(log *slog.Logger) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (response any, err error) {
		defer func() {
			if recover() != nil {
				logPanic(ctx, log, info.FullMethod)
				err = errPanic
			}
		}()
		return handler(ctx, request)
	}
}

// logPanic logs where, not what: the panic's value may quote a record. A stack has addresses only.
func logPanic(ctx context.Context, log *slog.Logger, method string) {
	log.ErrorContext(ctx, "panic in a handler", telemetry.KeyMethod, method, telemetry.KeyStack, string(debug.Stack()))
}
