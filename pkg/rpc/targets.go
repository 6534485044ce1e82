package rpc

import (
	"fmt"
	"net"

	"github.com/maskline/maskline/pkg/config"
)

// CheckTargets complains about addresses that Dial would refuse, so that a program can say so before it starts.
func CheckTargets(key string, targets []string, plaintext bool, files TLSFiles) []config.Complaint {
	var all []config.Complaint
	for _, target := range targets {
		host, _, err := net.SplitHostPort(target)
		switch {
		case err != nil:
			all = append(all, config.Complaint{Key: key, Rule: fmt.Sprintf("%q: host:port is needed", target)})
		case !isLoopback(host) && !plaintext && !files.Enabled():
			all = append(all, config.Complaint{Key: key, Rule: fmt.Sprintf(
				"%q is beyond this machine: MASKLINE_TLS_CERT is needed, or MASKLINE_PLAINTEXT=true on a network that you trust", target)})
		}
	}
	return all
}
