package front

import (
	"context"
	"errors"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Server serves as its http.Server does: the same Handler, ReadHeaderTimeout,
// IdleTimeout and ErrorLog. Its hooks (ConnState, BaseContext, ConnContext) see
// only the connections that are handed to it.
type Server struct {
	rest   *http.Server
	handed *handed
	watch  *watch // nil: nobody can tell who hangs up, all is handed on
	tick   atomic.Int64
	closed atomic.Bool // no new connections
	once   sync.Once   // starts what Serve needs
	over   chan struct{}

	mu        sync.Mutex                // guards what follows
	listeners map[net.Listener]struct{} // whose Serve has not returned
	conns     map[*conn]struct{}
	home      chan struct{} // closed when both are empty; nil unless somebody waits
}

// New builds a Server before rest. It starts nothing.
func New(rest *http.Server) *Server {
	before := rest.ConnContext
	rest.ConnContext = func(ctx context.Context, nc net.Conn) context.Context {
		if r, ok := nc.(*resumed); ok {
			ctx = r.leaving(ctx)
		}
		if before != nil {
			ctx = before(ctx, nc)
		}
		return ctx
	}
	return &Server{rest: rest, handed: newHanded(), over: make(chan struct{}), listeners: map[net.Listener]struct{}{}, conns: map[*conn]struct{}{}}
}

// start starts, with the first listener, what all share.
func (s *Server) start(addr net.Addr) {
	s.handed.addr = addr
	s.watch = newWatch()
	go func() { _ = s.rest.Serve(s.handed) }() // ends with Shutdown or Close, and only then
	go s.sweep()
}

// Serve takes connections from ln until Shutdown or Close, and then returns
// [http.ErrServerClosed]; any other error is the listener's.
func (s *Server) Serve(ln net.Listener) error {
	if !s.listen(ln) {
		_ = ln.Close()
		return http.ErrServerClosed
	}
	defer s.deaf(ln)
	s.once.Do(func() { s.start(ln.Addr()) })
	for pause := time.Duration(0); ; {
		nc, err := ln.Accept()
		switch {
		case err == nil:
			pause = 0
			s.take(nc)
		case s.closed.Load():
			return http.ErrServerClosed
		case isTemporary(err): // no descriptor is left: as net/http, wait a little
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			s.logf("front: accept: %v; next try in %v", err, pause)
			select {
			case <-time.After(pause):
			case <-s.over:
			}
		default:
			return err
		}
	}
}

func isTemporary(err error) bool {
	var ne interface{ Temporary() bool }
	return errors.As(err, &ne) && ne.Temporary()
}

// take serves one connection.
func (s *Server) take(nc net.Conn) {
	tcp, ok := nc.(*net.TCPConn)
	if !ok || s.watch == nil {
		s.handed.pass(nc)
		return
	}
	c, err := newConn(s, tcp)
	if err != nil {
		_ = nc.Close()
		return
	}
	s.mu.Lock()
	s.conns[c] = struct{}{}
	s.mu.Unlock()
	go c.serve()
}

// gone forgets a connection.
func (s *Server) gone(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	s.settle()
}

// settle tells who waits for it that no connection is left and none will come.
// The caller holds mu.
func (s *Server) settle() {
	if s.home != nil && len(s.conns) == 0 && len(s.listeners) == 0 {
		close(s.home)
		s.home = nil
	}
}

func (s *Server) listen(ln net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed.Load() {
		return false
	}
	s.listeners[ln] = struct{}{}
	return true
}

func (s *Server) deaf(ln net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, ln)
	s.settle()
}

// Shutdown closes the listeners and the idle connections, and waits until the
// others have finished their request, here and at net/http, or until ctx ends.
func (s *Server) Shutdown(ctx context.Context) error {
	s.rest.SetKeepAlivesEnabled(false)
	home := s.end((*conn).rouse)
	select {
	case <-home:
	case <-ctx.Done():
		return ctx.Err()
	}
	// Only now: until here connections were still handed on.
	err := s.rest.Shutdown(ctx)
	s.watch.close()
	return err
}

// Close ends everything at once.
func (s *Server) Close() error {
	home := s.end((*conn).cut)
	err := s.rest.Close()
	s.handed.Close()
	<-home
	s.watch.close()
	return err
}

// end closes the listeners and does what is to be done with each connection.
// The channel is closed when none is left.
func (s *Server) end(do func(*conn)) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed.Swap(true) {
		close(s.over)
	}
	for ln := range s.listeners {
		_ = ln.Close()
	}
	for c := range s.conns {
		do(c)
	}
	if s.home == nil {
		s.home = make(chan struct{})
	}
	home := s.home
	s.settle()
	return home
}

func (s *Server) logf(format string, args ...any) {
	if s.rest.ErrorLog != nil {
		s.rest.ErrorLog.Printf(format, args...)
		return
	}
	log.Printf(format, args...)
}
