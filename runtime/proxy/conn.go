package proxy

import (
	"bufio"
	"context"
	"net"
	"sync/atomic"
	"time"

	"github.com/sluice-dev/sluice/runtime/wire"
)

// conn is one HTTP/1.1 connection to a pod. One request uses it at a time, in
// the goroutine of that request: there is no reader behind its back, so whether
// an idle one is still open is asked before it is used.
type conn struct {
	nc        net.Conn
	probe     *wire.Probe
	br        *bufio.Reader
	out       []byte // scratch for the request's head
	idleSince time.Time
	aborted   atomic.Bool
	abort     func() // bound once, so that a request does not allocate it
}

var longAgo = time.Unix(1, 0)

func newConn(nc net.Conn) *conn {
	c := &conn{nc: nc, probe: wire.NewProbe(nc), br: bufio.NewReader(nc), out: make([]byte, 0, 1024)}
	c.abort = func() {
		c.aborted.Store(true)
		_ = c.nc.SetDeadline(longAgo) // fails only on a closed connection
	}
	return c
}

// connect dials the pod.
func (u *Upstream) connect(ctx context.Context) (*conn, error) {
	nc, err := u.dialer(ctx, "tcp", u.addr)
	if err != nil {
		return nil, err
	}
	return newConn(nc), nil
}

func (c *conn) close() { _ = c.nc.Close() }

// deadline moves both deadlines to t (zero: none), unless the client has gone.
func (c *conn) deadline(t time.Time) {
	_ = c.nc.SetDeadline(t) // fails only on a closed connection, which the next read reports
	if c.aborted.Load() {
		_ = c.nc.SetDeadline(longAgo)
	}
}

// alive tells whether an idle connection is open and silent, as it must be
// before a request is written on it.
func (c *conn) alive() bool { return c.br.Buffered() == 0 && c.probe.Silent() }
