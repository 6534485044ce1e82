package relay

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// endpoint is one address and the host that it was found behind.
type endpoint struct{ address, host string }

// resolve returns every address behind the targets, sorted. gRPC's own resolver looks again only when a connection
// breaks, so it would not see a new replica. A host with both families is used over IPv4 alone: both lead to the same
// replicas, and one of them would count twice. The error names the first target that has no address.
func resolve(ctx context.Context, lookup func(context.Context, string) ([]string, error), targets []string) ([]endpoint, error) {
	if lookup == nil {
		lookup = net.DefaultResolver.LookupHost
	}
	var all []endpoint
	var first error
	for _, target := range targets {
		found, err := resolveOne(ctx, lookup, target)
		if err != nil && first == nil {
			first = fmt.Errorf("%s: %w", target, err)
		}
		host, _, _ := net.SplitHostPort(target)
		for _, address := range found {
			all = append(all, endpoint{address, host})
		}
	}
	slices.SortFunc(all, func(a, b endpoint) int { return strings.Compare(a.address, b.address) })
	return slices.CompactFunc(all, func(a, b endpoint) bool { return a.address == b.address }), first
}

func resolveOne(ctx context.Context, lookup func(context.Context, string) ([]string, error), target string) ([]string, error) {
	host, port, err := net.SplitHostPort(target)
	if err != nil {
		return nil, err
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return []string{target}, nil
	}
	hosts, err := lookup(ctx, host)
	if err != nil {
		return nil, err
	}
	var v4, v6 []string
	for _, h := range hosts {
		address := net.JoinHostPort(h, port)
		if ip, err := netip.ParseAddr(h); err == nil && ip.Is4() {
			v4 = append(v4, address)
		} else {
			v6 = append(v6, address)
		}
	}
	if len(v4) > 0 {
		return v4, nil
	}
	return v6, nil
}
