package proxy

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/sluice-dev/sluice/schema/contract"
)

// Upstream is one pod's address and the connections open to it.
type Upstream struct {
	addr    string
	maxIdle int
	maxAge  time.Duration
	dialer  func(ctx context.Context, network, addr string) (net.Conn, error)
	h2      *http.Transport // nil unless the app speaks h2c

	mu     sync.Mutex // guards idle and closed
	idle   []*conn    // newest last: the warmest is used first
	closed bool
}

// Upstream builds the Upstream at addr (host:port); protocol is
// [contract.ProtocolHTTP1] or [contract.ProtocolH2C].
func (p *Proxy) Upstream(addr, protocol string) *Upstream {
	u := &Upstream{addr: addr, maxIdle: p.cfg.MaxIdle, maxAge: p.cfg.IdleTimeout, dialer: p.dial}
	if protocol == contract.ProtocolH2C {
		u.h2 = newH2(p.cfg, p.dial)
	}
	return u
}

// Addr is the address that the Upstream connects to.
func (u *Upstream) Addr() string { return u.addr }

// Close ends the idle connections; those in use end when their request does.
func (u *Upstream) Close() {
	u.mu.Lock()
	idle := u.idle
	u.idle, u.closed = nil, true
	u.mu.Unlock()
	for _, c := range idle {
		c.close()
	}
	if u.h2 != nil {
		u.h2.CloseIdleConnections()
	}
}

// Reap ends the connections that have been idle for too long at now.
func (u *Upstream) Reap(now time.Time) {
	u.mu.Lock()
	n := 0
	for n < len(u.idle) && now.Sub(u.idle[n].idleSince) > u.maxAge {
		n++
	}
	old := append([]*conn(nil), u.idle[:n]...)
	u.idle = append(u.idle[:0], u.idle[n:]...)
	u.mu.Unlock()
	for _, c := range old {
		c.close()
	}
}

// pop takes the warmest idle connection, or nil.
func (u *Upstream) pop() *conn {
	u.mu.Lock()
	defer u.mu.Unlock()
	n := len(u.idle)
	if n == 0 {
		return nil
	}
	c := u.idle[n-1]
	u.idle[n-1] = nil
	u.idle = u.idle[:n-1]
	return c
}

// push gives a connection back for the next request.
func (u *Upstream) push(c *conn, now time.Time) {
	c.idleSince = now
	u.mu.Lock()
	full := u.closed || len(u.idle) >= u.maxIdle
	if !full {
		u.idle = append(u.idle, c)
	}
	u.mu.Unlock()
	if full {
		c.close()
	}
}
