package node

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"sync"
)

// addresses hands out the addresses of a range, each to one pod at a time. One
// that was given back is not used again before all others were.
type addresses struct {
	prefix netip.Prefix

	mu    sync.Mutex // guards the below
	next  netip.Addr
	taken map[netip.Addr]bool
}

// newAddresses begins at .1.0 of the range; what lies below is the cluster's.
func newAddresses(prefix netip.Prefix) *addresses {
	a := prefix.Masked().Addr().As4()
	a[2]++
	first := netip.AddrFrom4(a)
	if !prefix.Contains(first) {
		first = prefix.Masked().Addr().Next()
	}
	return &addresses{prefix: prefix, next: first, taken: map[netip.Addr]bool{}}
}

// take returns the wanted address if it is free, else another.
func (a *addresses) take(want string) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if w, err := netip.ParseAddr(want); err == nil && a.prefix.Contains(w) && !a.taken[w] {
		a.taken[w] = true
		return want, nil
	}
	start := a.next
	for {
		addr := a.next
		a.advance()
		if !a.taken[addr] && usable(addr) {
			a.taken[addr] = true
			return addr.String(), nil
		}
		if a.next == start {
			return "", fmt.Errorf("every address of %s is taken", a.prefix)
		}
	}
}

func (a *addresses) advance() {
	a.next = a.next.Next()
	if !a.prefix.Contains(a.next) {
		a.next = newAddresses(a.prefix).next
	}
}

// usable leaves out what might be read as a network or a broadcast address.
func usable(addr netip.Addr) bool {
	last := addr.As4()[3]
	return last != 0 && last != 255
}

func (a *addresses) release(addr string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if w, err := netip.ParseAddr(addr); err == nil {
		delete(a.taken, w)
	}
}

// ports hands out ports that nothing on the machine listens on. They lie
// outside of the range from which the kernel takes ports of its own choice, so
// that none is snatched between here and the process that is to listen.
type ports struct {
	first, last int

	mu    sync.Mutex // guards the below
	next  int
	taken map[int]bool
}

func newPorts() *ports {
	p := &ports{first: 20000, last: 32767, taken: map[int]bool{}}
	if low, high, err := ephemeral(); err == nil {
		switch {
		case low > 15000:
			p.first, p.last = max(10000, low-20000), low-1
		case high < 60000:
			p.first, p.last = high+1, 65535
		}
	}
	// Two clusters on one machine begin at different places.
	p.next = p.first + rand.IntN(p.last-p.first+1)
	return p
}

func ephemeral() (low, high int, err error) {
	data, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return 0, 0, err
	}
	_, err = fmt.Sscan(string(data), &low, &high)
	return low, high, err
}

func (p *ports) take() (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for range p.last - p.first + 1 {
		port := p.next
		if p.next++; p.next > p.last {
			p.next = p.first
		}
		if !p.taken[port] && free(port) {
			p.taken[port] = true
			return port, nil
		}
	}
	return 0, errors.New("no free port is left on this machine")
}

func (p *ports) release(port int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.taken, port)
}

// free says whether a process could listen on the port, on every address.
func free(port int) bool {
	addr := fmt.Sprintf(":%d", port)
	tcp, err := net.Listen("tcp", addr)
	if err != nil {
		return false
	}
	_ = tcp.Close()
	udp, err := net.ListenPacket("udp", addr)
	if err != nil {
		return false
	}
	_ = udp.Close()
	return true
}
