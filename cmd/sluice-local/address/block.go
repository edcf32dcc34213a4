package address

import (
	"net/netip"
)

// Ports within a block, all on its first address.
const (
	apiPort      = 6443
	registryPort = 5000
	sourcePort   = 9091
)

// The first and last A of 127.A.0.0/16 that a cluster may have. Lower ones are
// left to whatever else lives on 127.0.0.1 and its neighbours.
const (
	firstOctet = 10
	lastOctet  = 250
)

// Block is one cluster's piece of the loopback network, 127.A.0.0/16.
type Block struct {
	octet uint8
}

// IP is the address of the node, the API server and the registry.
func (b Block) IP() netip.Addr {
	return netip.AddrFrom4([4]byte{127, b.octet, 0, 1})
}

// API is where the API server listens.
func (b Block) API() netip.AddrPort { return netip.AddrPortFrom(b.IP(), apiPort) }

// Registry is where the image registry listens.
func (b Block) Registry() netip.AddrPort { return netip.AddrPortFrom(b.IP(), registryPort) }

// Sources is where the engine serves sources to builds.
func (b Block) Sources() netip.AddrPort { return netip.AddrPortFrom(b.IP(), sourcePort) }

// Pods is the whole block; pods get addresses from 127.A.1.0 up.
func (b Block) Pods() netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{127, b.octet, 0, 0}), 16)
}

// valid reports whether the block is one that a cluster may have.
func (b Block) valid() bool { return b.octet >= firstOctet && b.octet <= lastOctet }
