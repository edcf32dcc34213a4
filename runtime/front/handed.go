package front

import (
	"context"
	"io"
	"net"
	"sync"
	"syscall"
	"time"
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

// resumed is a connection some of whose bytes were read already. net/http hears
// that a client is gone only when it has read the request's body, which may
// wait as long as the request does; so that is still heard here.
type resumed struct {
	*net.TCPConn
	head  []byte
	watch *watch
	ear   ear
	gone  context.Context // the client is
	leave context.CancelFunc
	once  sync.Once // what ends with it
}

func newResumed(w *watch, nc *net.TCPConn, raw syscall.RawConn, head []byte) *resumed {
	r := &resumed{TCPConn: nc, head: append([]byte(nil), head...), watch: w}
	r.gone, r.leave = context.WithCancel(context.Background())
	r.ear = ear{raw: raw, hungUp: r.hungUp}
	return r
}

// moment is how long a client that has said its last word is still waited for:
// a request that came whole with it may be answered by then.
const moment = 100 * time.Millisecond

func (r *resumed) hungUp() {
	if peek(r.ear.raw) != silent {
		time.AfterFunc(moment, r.leave)
	}
}

// leaving is ctx, which ends also when the client has gone.
func (r *resumed) leaving(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	context.AfterFunc(r.gone, cancel)
	return ctx
}

// Close implements net.Conn.
func (r *resumed) Close() error {
	r.once.Do(func() {
		r.watch.remove(&r.ear)
		r.leave()
	})
	return r.TCPConn.Close()
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
