package inlet

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// Take takes what was posted; the body is its own, the header is not and ends
// with the call. nil is answered with 202, an error as Config.Refusal says.
type Take func(ctx context.Context, header http.Header, body []byte) error

// Answer is what a sender is told.
type Answer struct {
	Status int
	Header map[string]string // besides Date and Content-Length
	Text   string
}

// Config of a Server. Find, Refusal and Else are required.
type Config struct {
	// Find is who takes what is posted to a host (as it came: with its port) and
	// a path; nil lets Else answer.
	Find func(host, path string) Take
	// Refusal is the answer to an error of a Take.
	Refusal func(error) Answer
	// Else answers everything that is not plain. It gets HTTP/2 too.
	Else http.Handler
	// MaxBody is the largest body that does not go to Else. Default 64 KiB.
	MaxBody int
	// ReadTimeout is how long a body may take, IdleTimeout how long a connection
	// may say nothing. Defaults: 1 min, 2 min.
	ReadTimeout, IdleTimeout time.Duration
	// Log is told of a Take that panicked. Default: slog.Default().
	Log *slog.Logger
}

// Server serves one listener.
type Server struct {
	cfg     Config
	ctx     context.Context
	cancel  context.CancelFunc
	rest    *rest
	other   *http.Server
	closing atomic.Bool
	work    sync.WaitGroup
	now     atomic.Pointer[stamp]

	mu    sync.Mutex // guards the rest
	l     net.Listener
	conns map[*conn]struct{}
}

// stamp is a second and how the Date header spells it.
type stamp struct {
	second int64
	text   string
}

// New builds a Server for a listener. It starts nothing.
func New(l net.Listener, cfg Config) *Server {
	cfg.MaxBody = cmp.Or(cfg.MaxBody, 64<<10)
	cfg.ReadTimeout = cmp.Or(cfg.ReadTimeout, time.Minute)
	cfg.IdleTimeout = cmp.Or(cfg.IdleTimeout, 2*time.Minute)
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	s := &Server{cfg: cfg, l: l, rest: newRest(l.Addr()), conns: map[*conn]struct{}{}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.now.Store(&stamp{})
	s.other = &http.Server{Handler: cfg.Else, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: cfg.ReadTimeout, IdleTimeout: cfg.IdleTimeout}
	s.other.Protocols = new(http.Protocols)
	s.other.Protocols.SetHTTP1(true)
	s.other.Protocols.SetUnencryptedHTTP2(true)
	return s
}

// Serve serves until Shutdown, and then returns http.ErrServerClosed.
func (s *Server) Serve() error {
	failed := make(chan error, 1)
	go func() { failed <- s.other.Serve(s.rest) }()
	err := s.accept()
	_ = s.rest.Close()
	<-failed // why the rest ended is told already
	if s.closing.Load() {
		return http.ErrServerClosed
	}
	return err
}

// accept serves each connection in a goroutine of its own.
func (s *Server) accept() error {
	for pause := time.Duration(0); ; {
		nc, err := s.l.Accept()
		switch {
		case err == nil:
			pause = 0
			s.begin(nc)
		case s.closing.Load() || errors.Is(err, net.ErrClosed):
			return err
		default: // out of descriptors, most likely: that passes
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			s.cfg.Log.Warn("connection not accepted", "error", err, "again in", pause)
			time.Sleep(pause)
		}
	}
}

func (s *Server) begin(nc net.Conn) {
	c := &conn{server: s, nc: nc, buf: make([]byte, bufferBytes), head: head{header: http.Header{}}}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Load() {
		_ = nc.Close()
		return
	}
	s.conns[c] = struct{}{}
	s.work.Add(1)
	go s.run(c)
}

func (s *Server) run(c *conn) {
	defer s.work.Done()
	defer func() {
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
		if r := recover(); r != nil {
			_ = c.nc.Close()
			s.cfg.Log.Error("taking an event panicked", "panic", r, "stack", string(debug.Stack()))
		}
	}()
	c.serve()
}

// Shutdown takes no new connection, ends the idle ones, and waits until every
// request has its answer. When ctx ends before, the rest is broken off and ctx's
// error returned.
func (s *Server) Shutdown(ctx context.Context) error {
	defer s.cancel()
	s.closing.Store(true)
	_ = s.l.Close()
	s.each(func(c *conn) {
		if !c.busy.Load() {
			_ = c.nc.SetReadDeadline(time.Unix(1, 0))
		}
	})
	done := make(chan struct{})
	go func() { s.work.Wait(); close(done) }()
	err := s.other.Shutdown(ctx)
	select {
	case <-done:
		return err
	case <-ctx.Done():
	}
	s.each(func(c *conn) { _ = c.nc.Close() })
	s.cancel()
	<-done
	return ctx.Err()
}

func (s *Server) each(f func(*conn)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		f(c)
	}
}

// date is the Date header, spelled once a second.
func (s *Server) date(now time.Time) string {
	last := s.now.Load()
	if second := now.Unix(); last.second != second {
		last = &stamp{second, now.UTC().Format(http.TimeFormat)}
		s.now.Store(last)
	}
	return last.text
}
