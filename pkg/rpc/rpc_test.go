package rpc

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	controlv1 "github.com/maskline/maskline/proto/gen/maskline/control/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve starts a server on a free port of loopback, with what register adds, and a connection to it.
func serve(t *testing.T, log *slog.Logger, register func(grpc.ServiceRegistrar)) (*Server, *grpc.ClientConn) {
	t.Helper()
	s, err := NewServer(Config{Listen: "127.0.0.1:0", Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	if register != nil {
		register(s.Registrar())
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(context.Background()) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		s.Stop(ctx)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	conn, err := Dial(s.Addr(), DialConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return s, conn
}

// echo is a service of three methods without generated code: unary and stream that panic, a stream that waits.
func echo(entered chan<- struct{}) grpc.ServiceDesc {
	const secret = "203.0.113.7"
	return grpc.ServiceDesc{
		ServiceName: "test.Echo", HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{
			MethodName: "Panic",
			Handler: func(srv any, ctx context.Context, _ func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
				return interceptor(ctx, nil, &grpc.UnaryServerInfo{Server: srv, FullMethod: "/test.Echo/Panic"},
					func(context.Context, any) (any, error) { panic(secret) })
			},
		}},
		Streams: []grpc.StreamDesc{
			{StreamName: "PanicStream", ServerStreams: true, Handler: func(any, grpc.ServerStream) error { panic(secret) }},
			{StreamName: "Wait", ServerStreams: true, ClientStreams: true, Handler: func(_ any, s grpc.ServerStream) error {
				entered <- struct{}{}
				err := s.RecvMsg(&wrapperspb.BytesValue{})
				if errors.Is(err, io.EOF) {
					return nil
				}
				return err
			}},
		},
	}
}

func TestNewServer_RefusesToListenBeyondThisMachineInPlaintext(t *testing.T) {
	t.Parallel()
	for listen, want := range map[string]string{
		":0": "MASKLINE_PLAINTEXT", "0.0.0.0:0": "MASKLINE_TLS_CERT", "[::]:0": "MASKLINE_PLAINTEXT",
		"192.0.2.1:0": "MASKLINE_PLAINTEXT", "example.com:0": "MASKLINE_PLAINTEXT", "7001": "host:port",
	} {
		_, err := NewServer(Config{Listen: listen})
		var coded interface{ ExitCode() int }
		if err == nil || !strings.Contains(err.Error(), want) || !errors.As(err, &coded) || coded.ExitCode() != 2 {
			t.Errorf("%s: %v", listen, err)
		}
	}
	for _, cfg := range []Config{{Listen: "0.0.0.0:0", Plaintext: true}, {Listen: "localhost:0"}} {
		s, err := NewServer(cfg)
		if err != nil {
			t.Errorf("%s: %v", cfg.Listen, err)
			continue
		}
		s.Stop(t.Context())
		again, err := new(net.ListenConfig).Listen(t.Context(), "tcp", s.Addr())
		if err != nil {
			t.Errorf("port after Stop: %v", err)
			continue
		}
		_ = again.Close()
	}
}

func TestDial_RefusesPlaintextBeyondThisMachine(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"masker:7002", "192.0.2.1:7002", "masker"} {
		if _, err := Dial(address, DialConfig{}); err == nil {
			t.Errorf("%s: accepted", address)
		}
	}
	conn, err := Dial("masker:7002", DialConfig{Plaintext: true})
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
}

func TestServer_HealthFollowsSetServing(t *testing.T) {
	t.Parallel()
	s, _ := serve(t, nil, nil)
	if err := Health(t.Context(), s.Addr(), DialConfig{}); err == nil || !strings.Contains(err.Error(), "NOT_SERVING") {
		t.Errorf("before: %v", err)
	}
	s.SetServing("", true)
	if err := Health(t.Context(), s.Addr(), DialConfig{}); err != nil {
		t.Errorf("serving: %v", err)
	}
	s.SetServing("", false)
	if err := Health(t.Context(), s.Addr(), DialConfig{}); err == nil {
		t.Error("after: serving")
	}
}

func TestServer_PanicEndsTheCallOnlyAndItsValueIsNowhere(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	desc := echo(nil)
	s, conn := serve(t, slog.New(slog.NewTextHandler(&log, nil)), func(r grpc.ServiceRegistrar) { r.RegisterService(&desc, nil) })
	err := conn.Invoke(t.Context(), "/test.Echo/Panic", &wrapperspb.BytesValue{}, &wrapperspb.BytesValue{})
	stream, streamErr := conn.NewStream(t.Context(), &grpc.StreamDesc{ServerStreams: true}, "/test.Echo/PanicStream")
	if streamErr != nil {
		t.Fatal(streamErr)
	}
	for _, err := range []error{err, stream.RecvMsg(&wrapperspb.BytesValue{})} {
		if status.Code(err) != codes.Internal || strings.Contains(err.Error(), "203.0.113.7") {
			t.Errorf("status %v", err)
		}
	}
	s.SetServing("", true)
	if err := Health(t.Context(), s.Addr(), DialConfig{}); err != nil {
		t.Errorf("after the panics: %v", err)
	}
	text := log.String()
	if strings.Count(text, "panic in a handler") != 2 || !strings.Contains(text, "rpc_test.go") || strings.Contains(text, "203.0.113.7") {
		t.Errorf("log: %s", text)
	}
}

func TestServer_StopWaitsForCallsAndCutsThemAtTheEndOfItsContext(t *testing.T) {
	t.Parallel()
	for name, polite := range map[string]bool{"client ends": true, "client lingers": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			entered := make(chan struct{}, 1)
			desc := echo(entered)
			s, conn := serve(t, nil, func(r grpc.ServiceRegistrar) { r.RegisterService(&desc, nil) })
			stream, err := conn.NewStream(t.Context(), &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/test.Echo/Wait")
			if err != nil {
				t.Fatal(err)
			}
			<-entered
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			stopped := make(chan struct{})
			go func() {
				defer close(stopped)
				s.Stop(ctx)
			}()
			want := codes.OK
			if polite {
				_ = stream.CloseSend()
			} else {
				cancel()
				want = codes.Unavailable
			}
			err = stream.RecvMsg(&wrapperspb.BytesValue{})
			if errors.Is(err, io.EOF) {
				err = nil
			}
			if status.Code(err) != want {
				t.Errorf("stream ended with %v", err)
			}
			<-stopped
		})
	}
}

func TestServer_ServeEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s, err := NewServer(Config{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }()
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

func TestServer_ReflectionListsServicesAndStatusAnswers(t *testing.T) {
	t.Parallel()
	_, conn := serve(t, nil, func(r grpc.ServiceRegistrar) {
		controlv1.RegisterControlServiceServer(r, NewStatus(func() *controlv1.GetStatusResponse {
			return &controlv1.GetStatusResponse{Stage: "masker", Ready: true}
		}))
	})
	answer, err := controlv1.NewControlServiceClient(conn).GetStatus(t.Context(), &controlv1.GetStatusRequest{})
	if err != nil || answer.GetStage() != "masker" || !answer.GetReady() {
		t.Errorf("status %v, %v", answer, err)
	}
	stream, err := reflectionv1.NewServerReflectionClient(conn).ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	request := &reflectionv1.ServerReflectionRequest{MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{}}
	if err := stream.Send(request); err != nil {
		t.Fatal(err)
	}
	list, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(list.String(), "maskline.control.v1.ControlService") || !strings.Contains(list.String(), healthv1.Health_ServiceDesc.ServiceName) {
		t.Errorf("services %v", list)
	}
	_ = stream.CloseSend()
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("end of reflection: %v", err)
	}
}

// lockedBuffer takes a log that handlers write while the test reads.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
