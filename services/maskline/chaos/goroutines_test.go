package chaos

import (
	"maps"
	"testing"
)

func TestGoroutinesOf_CountsByStarter(t *testing.T) {
	t.Parallel()
	const listing = "SIGQUIT: quit\n\ngoroutine 1 gp=0x1 [select]:\nmain.main()\n\t/main.go:3\n" +
		"\ngoroutine 7 gp=0x2 [IO wait]:\nnet.read()\ncreated by grpc.NewServerTransport in goroutine 6\n\t/x.go:1\n" +
		"\ngoroutine 8 gp=0x3 [IO wait]:\nnet.read()\ncreated by grpc.NewServerTransport in goroutine 6\n\t/x.go:1\n\nrax 0x0\n"
	old := goroutinesOf(listing)
	if want := (goroutines{"": 1, "grpc.NewServerTransport": 2}); !maps.Equal(old, want) || old.sum() != 3 {
		t.Errorf("got %v, want %v", old, want)
	}
	if got, want := old.beyond(goroutines{"": 1, "grpc.NewServerTransport": 1}), "; 1 more of grpc.NewServerTransport"; got != want {
		t.Errorf("beyond %q, want %q", got, want)
	}
}
