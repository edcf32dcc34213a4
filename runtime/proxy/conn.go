package proxy

import (
	"bufio"
	"context"
	"net"
	"sync/atomic"
	"syscall"
	"time"
)

// conn is one HTTP/1.1 connection to a pod. One request uses it at a time, in
// the goroutine of that request: there is no reader behind its back, so whether
// an idle one is still open is asked before it is used.
type conn struct {
	nc        net.Conn
	raw       syscall.RawConn // nil where the connection has no descriptor
	br        *bufio.Reader
	out       []byte // scratch for the request's head
	idleSince time.Time
	aborted   atomic.Bool
	abort     func() // bound once, so that a request does not allocate it
	probe     func(fd uintptr) bool
	open      bool // what probe found
}

var longAgo = time.Unix(1, 0)

func newConn(nc net.Conn) *conn {
	c := &conn{nc: nc, br: bufio.NewReader(nc), out: make([]byte, 0, 1024)}
	if sc, ok := nc.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			c.raw = raw
		}
	}
	c.abort = func() {
		c.aborted.Store(true)
		_ = c.nc.SetDeadline(longAgo) // fails only on a closed connection
	}
	c.probe = func(fd uintptr) bool {
		c.open = stillOpen(fd)
		return true
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
func (c *conn) alive() bool {
	if c.br.Buffered() > 0 {
		return false
	}
	if c.raw == nil {
		return true
	}
	c.open = false
	return c.raw.Read(c.probe) == nil && c.open
}
