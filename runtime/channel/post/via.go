package post

import (
	"context"
	"net"
	"strings"
	"time"

	"github.com/sluice-dev/sluice/schema/contract"
)

// Via is a dialer that sends hosts which only the cluster resolves to one
// address, where no DNS knows them: the gateway's, which finds the way by the
// Host header. With an empty address it dials as usual.
func Via(gateway string) func(ctx context.Context, network, address string) (net.Conn, error) {
	d := &net.Dialer{Timeout: 5 * time.Second}
	if gateway == "" {
		return d.DialContext
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if inCluster(address) {
			address = gateway
		}
		return d.DialContext(ctx, network, address)
	}
}

// inCluster tells whether a host and port names a host of the cluster's: below
// its domain, or short forms of that, or below localhost, which a machine's own
// gateway serves.
func inCluster(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil || net.ParseIP(host) != nil {
		return false
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return strings.HasSuffix(host, "."+contract.ClusterDomain) || strings.HasSuffix(host, ".svc") || strings.HasSuffix(host, ".localhost")
}
