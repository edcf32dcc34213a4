package inlet

import (
	"net"
	"sync"
	"time"
)

// passed is a connection that net/http goes on with: it reads first what was
// read already.
type passed struct {
	net.Conn
	read []byte
}

func (p *passed) Read(b []byte) (int, error) {
	if len(p.read) == 0 {
		return p.Conn.Read(b)
	}
	n := copy(b, p.read)
	if p.read = p.read[n:]; len(p.read) == 0 {
		p.read = nil
	}
	return n, nil
}

// CloseWrite lets net/http end its side first, so that the last answer arrives.
func (p *passed) CloseWrite() error {
	if c, ok := p.Conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return nil
}

// pass gives the connection to net/http.
func (c *conn) pass() {
	_ = c.nc.SetDeadline(time.Time{})
	c.server.rest.give(&passed{Conn: c.nc, read: append([]byte(nil), c.buf[c.start:c.end]...)})
}

// rest is a listener whose connections are those that are passed on.
type rest struct {
	addr  net.Addr
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newRest(addr net.Addr) *rest {
	return &rest{addr: addr, conns: make(chan net.Conn), done: make(chan struct{})}
}

func (r *rest) give(c net.Conn) {
	select {
	case r.conns <- c:
	case <-r.done:
		_ = c.Close()
	}
}

// Accept implements net.Listener.
func (r *rest) Accept() (net.Conn, error) {
	select {
	case c := <-r.conns:
		return c, nil
	case <-r.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (r *rest) Close() error {
	r.once.Do(func() { close(r.done) })
	return nil
}

// Addr implements net.Listener.
func (r *rest) Addr() net.Addr { return r.addr }
