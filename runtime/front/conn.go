package front

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"time"
)

// room is how many bytes a plain request has at most, head and body: what
// net/http reads at once, too.
const room = 4 << 10

var longAgo = time.Unix(1, 0)

// conn is one client's connection, in the goroutine that serves it.
type conn struct {
	s      *Server
	nc     *net.TCPConn
	raw    syscall.RawConn
	peer   string
	cancel context.CancelFunc // the client has gone

	since   atomic.Int64 // the tick since which it is idle, or serving
	served  atomic.Bool  // it had a request
	ending  atomic.Bool  // the client has said its last word, with more unread before it
	ear     ear
	heir    atomic.Pointer[resumed] // who has the connection now
	watched bool
	passing bool // net/http is about to have it; guarded by the server's mu

	buf    [room]byte
	blank  *http.Request // what every request begins as: it has the context
	req    *http.Request
	url    url.URL
	header http.Header
	res    response
}

func newConn(s *Server, nc *net.TCPConn) (*conn, error) {
	raw, err := nc.SyscallConn()
	if err != nil {
		return nil, err
	}
	c := &conn{s: s, nc: nc, raw: raw, peer: nc.RemoteAddr().String(), req: new(http.Request), header: http.Header{}}
	ctx := context.WithValue(context.Background(), http.ServerContextKey, s.rest)
	ctx, c.cancel = context.WithCancel(context.WithValue(ctx, http.LocalAddrContextKey, nc.LocalAddr()))
	c.blank = new(http.Request).WithContext(ctx)
	c.res = response{c: c, header: http.Header{}}
	c.ear = ear{raw: raw, hungUp: c.hungUp}
	c.since.Store(s.tick.Load())
	return c, nil
}

// hungUp is called when the client has closed its side.
func (c *conn) hungUp() {
	switch peek(c.raw) {
	case finished:
		c.cancel()
	case unread: // it sent more before, and may want an answer to that
		c.ending.Store(true)
	}
	if r := c.heir.Load(); r != nil { // heard late
		r.hungUp()
	}
}

// serve serves requests until the connection ends or is handed on.
func (c *conn) serve() {
	defer c.cancel()
	for !c.s.closed.Load() || c.pending() {
		n, err := c.nc.Read(c.buf[:])
		if err != nil {
			if c.mayStay(err) {
				continue
			}
			break
		}
		c.since.Store(serving)
		if c.ending.Load() || !c.read(c.buf[:n]) || !c.watch() {
			c.hand(c.buf[:n])
			return
		}
		if !c.answer() {
			break
		}
		c.served.Store(true)
		c.since.Store(c.s.tick.Load())
	}
	c.leave()
}

// mayStay tells whether a connection that was roused goes on all the same:
// because a request has come meanwhile, or one was served.
func (c *conn) mayStay(err error) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) || c.nc.SetReadDeadline(time.Time{}) != nil {
		return false
	}
	return c.pending() || !c.s.closed.Load() && !c.overdue()
}

// pending tells whether the client has sent something that was not read yet.
func (c *conn) pending() bool {
	_ = c.nc.SetReadDeadline(time.Time{}) // it may have been roused
	return peek(c.raw) == unread
}

// rouse makes the connection look whether it has to end. The caller holds the
// server's mu.
func (c *conn) rouse() {
	if !c.passing {
		_ = c.nc.SetReadDeadline(longAgo)
	}
}

// cut ends the connection, whatever it does.
func (c *conn) cut() {
	c.cancel()
	_ = c.nc.Close()
}

// watch has it watched from its first request on. It is false where it cannot be.
func (c *conn) watch() bool {
	if !c.watched {
		c.watched = c.s.watch.add(&c.ear)
	}
	return c.watched
}

// answer has the handler serve the request. It is false when the connection
// cannot serve another.
func (c *conn) answer() (again bool) {
	defer func() {
		if e := recover(); e != nil {
			again = false
			c.res.broken = true
			if e != http.ErrAbortHandler {
				c.s.logf("front: panic serving %s: %v\n%s", c.peer, e, debug.Stack())
			}
		}
	}()
	c.res.begin(c.req.Method == http.MethodHead)
	c.s.rest.Handler.ServeHTTP(&c.res, c.req)
	return c.res.finish()
}

// hand gives the connection to net/http, with what was read of it.
func (c *conn) hand(b []byte) {
	r := newResumed(c.s.watch, c.nc, c.raw, b)
	if c.ending.Load() {
		c.s.watch.remove(&c.ear)
	} else {
		c.heir.Store(r)
		if !c.watched {
			c.s.watch.add(&r.ear)
		} else if c.s.watch.succeed(&c.ear, &r.ear); c.ending.Load() || c.blank.Context().Err() != nil {
			r.hungUp() // heard in between
		}
	}
	c.s.mu.Lock()
	c.passing = true
	_ = c.nc.SetReadDeadline(time.Time{}) // it may have been roused just now
	c.s.mu.Unlock()
	c.s.handed.pass(r)
	c.s.gone(c) // after it arrived there: Shutdown goes on when all are gone
}

// leave closes the connection. An answer that was complete is not lost by bytes
// that the client sends behind its request (which would reset the connection).
func (c *conn) leave() {
	if c.watched {
		c.s.watch.remove(&c.ear)
	}
	if c.res.last && !c.res.broken && c.nc.CloseWrite() == nil {
		_ = c.nc.SetReadDeadline(time.Now().Add(lingering))
		_, _ = io.Copy(io.Discard, c.nc)
	}
	_ = c.nc.Close()
	c.s.gone(c)
}

// lingering is how long a client may take to close its side; net/http's value.
const lingering = 500 * time.Millisecond
