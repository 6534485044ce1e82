package rpc

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"
)

// healthPatience is less than a health check of a container may take.
const healthPatience = 3 * time.Second

// OwnHealth is what the command `health` of each program does: it asks the server on this machine that listens on
// listen, a value of MASKLINE_LISTEN, by TLS if it is enabled, under the name in the stage's own certificate. args are
// the program's arguments; anything but the one word is refused.
func OwnHealth(ctx context.Context, args []string, listen string, files TLSFiles) error {
	if len(args) != 1 || args[0] != "health" {
		return &listenError{fmt.Sprintf("%s: unknown argument; the only one there is: health", strings.Join(args, " "))}
	}
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return &listenError{fmt.Sprintf("MASKLINE_LISTEN=%q: host:port is needed", listen)}
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(ctx, healthPatience)
	defer cancel()
	return Health(ctx, net.JoinHostPort(host, port), DialConfig{Plaintext: true, TLS: files, ServerName: files.ownName()})
}
