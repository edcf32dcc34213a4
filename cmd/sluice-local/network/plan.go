package network

import (
	"fmt"
	"net"
	"net/netip"
)

// LinkName is the name of the node's link.
const LinkName = "sluice0"

// DNSPort is where the cluster's DNS listens, on the node's address.
const DNSPort = 53

// The addresses of the one cluster with containers that a machine can have.
var (
	// Node is the node's, the API server's and the DNS's address.
	Node = netip.MustParseAddr("10.245.0.1")
	// Pods is where pods get their addresses from.
	Pods = netip.MustParsePrefix("10.244.0.0/16")
	// Services is where cluster IPs come from.
	Services = netip.MustParsePrefix("10.96.0.0/16")
)

// CheckFree says which of the machine's links is in the way.
func CheckFree() error {
	links, err := net.Interfaces()
	if err != nil {
		return fmt.Errorf("network: %w", err)
	}
	for _, l := range links {
		addrs, err := l.Addrs()
		if err != nil {
			return fmt.Errorf("network: %s: %w", l.Name, err)
		}
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil && l.Name != LinkName && !isPodLink(l.Name) && inTheWay(p) {
				return fmt.Errorf("--node kubelet: link %s has the address %s, which the cluster would use (node %s, pods %s, Services %s); take it down, or use --node process", l.Name, p, Node, Pods, Services)
			}
		}
	}
	return nil
}

// inTheWay reports whether an address and its network overlap with ours.
func inTheWay(p netip.Prefix) bool {
	return p.Contains(Node) || p.Overlaps(Pods) || p.Overlaps(Services)
}
