package rpc

import (
	"context"
	"fmt"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
)

// DialConfig says how to connect.
type DialConfig struct {
	// Plaintext allows connecting beyond loopback without TLS. Default false.
	Plaintext bool
	// TLS, if enabled, is used. Default: plaintext.
	TLS TLSFiles
	// ServerName is the name that the server's certificate must have. Default: the address' host.
	ServerName string
}

// Dial prepares a connection to one address, host:port; it connects when first used, and again after a loss, at most a
// second later. Choosing among addresses is the caller's.
func Dial(address string, cfg DialConfig) (*grpc.ClientConn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("%q: host:port is needed", address)
	}
	creds := insecure.NewCredentials()
	switch {
	case cfg.TLS.Enabled():
		if cfg.ServerName != "" {
			host = cfg.ServerName
		}
		client, err := cfg.TLS.client(host)
		if err != nil {
			return nil, err
		}
		creds = credentials.NewTLS(client)
	case !cfg.Plaintext && !isLoopback(host):
		return nil, fmt.Errorf("%q is beyond this machine: MASKLINE_TLS_CERT is needed, or MASKLINE_PLAINTEXT=true on a network that you trust", address)
	}
	return grpc.NewClient("passthrough:///"+address,
		grpc.WithTransportCredentials(creds),
		grpc.WithDisableServiceConfig(),
		grpc.WithNoProxy(), // HTTPS_PROXY is for the way to the queue, not for that to the next stage.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second},
			MinConnectTimeout: 5 * time.Second,
		}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 20 * time.Second, Timeout: 10 * time.Second, PermitWithoutStream: true}),
		grpc.WithStaticStreamWindowSize(streamWindow), grpc.WithStaticConnWindowSize(connWindow),
		grpc.WithReadBufferSize(buffer), grpc.WithWriteBufferSize(buffer),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(MaxReceive), grpc.MaxCallSendMsgSize(MaxReceive)),
	)
}

// Health asks the server at address whether it may be sent work.
func Health(ctx context.Context, address string, cfg DialConfig) error {
	conn, err := Dial(address, cfg)
	if err != nil {
		return err
	}
	defer conn.Close()
	answer, err := healthv1.NewHealthClient(conn).Check(ctx, &healthv1.HealthCheckRequest{})
	if err != nil {
		return fmt.Errorf("health of %s: %w", address, err)
	}
	if answer.GetStatus() != healthv1.HealthCheckResponse_SERVING {
		return fmt.Errorf("health of %s: %s", address, answer.GetStatus())
	}
	return nil
}
