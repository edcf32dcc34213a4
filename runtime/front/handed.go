package front

import (
	"io"
	"net"
	"sync"
)

// handed is the listener where net/http gets the connections that it is to serve.
type handed struct {
	addr  net.Addr
	conns chan net.Conn
	end   sync.Once
	done  chan struct{}
}

func newHanded() *handed {
	return &handed{conns: make(chan net.Conn), done: make(chan struct{})}
}

// pass hands a connection on; when it returns, net/http has it.
func (h *handed) pass(nc net.Conn) {
	select {
	case h.conns <- nc:
	case <-h.done:
		_ = nc.Close()
	}
}

// Accept implements net.Listener.
func (h *handed) Accept() (net.Conn, error) {
	select {
	case nc := <-h.conns:
		return nc, nil
	case <-h.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (h *handed) Close() error {
	h.end.Do(func() { close(h.done) })
	return nil
}

// Addr implements net.Listener.
func (h *handed) Addr() net.Addr { return h.addr }

// resumed is a connection some of whose bytes were read already.
type resumed struct {
	*net.TCPConn
	head []byte
}

// Read gives what was read already first.
func (r *resumed) Read(b []byte) (int, error) {
	if len(r.head) == 0 {
		return r.TCPConn.Read(b)
	}
	n := copy(b, r.head)
	if r.head = r.head[n:]; len(r.head) == 0 {
		r.head = nil
	}
	return n, nil
}

// WriteTo gives what was read already first.
func (r *resumed) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(r.head)
	if r.head = r.head[n:]; err != nil {
		return int64(n), err
	}
	m, err := r.TCPConn.WriteTo(w)
	return int64(n) + m, err
}
