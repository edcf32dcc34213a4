package activator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// StreamBuffer is how much of a request's body one HTTP/2 stream may send
// before the app takes it, in bytes.
const StreamBuffer = 256 << 10

// ServerConfig of a Server. Listen, Handler and Drainer are required.
type ServerConfig struct {
	// Listen is where requests come in: host:port.
	Listen string
	// Handler serves them: the gateway, or the Activator itself behind one.
	Handler http.Handler
	// Inside is a second address, for who is in the cluster, whom InsideHandler
	// serves. Default "": there is none.
	Inside        string
	InsideHandler http.Handler
	// ReusePort lets a successor listen on the same port at the same time, so
	// that there is no gap when one follows the other. Default false.
	ReusePort bool
	// Admin is where /healthz, /readyz and /metrics are served. Default "": nowhere.
	Admin string
	// Wait, if set, is waited for before requests are taken: until the Handler
	// knows what it has to. It ends early only with ctx. Who shares the port goes
	// on serving meanwhile.
	Wait func(ctx context.Context) error
	// Ready are asked, all of them, whether the process is ready. Default: it is.
	Ready []func() bool
	// Metrics are what /metrics prints, one after the other.
	Metrics []func(io.Writer) error
	// Peers takes the connections of other activators, on the admin address.
	// Default nil: there are no others.
	Peers http.Handler
	// OnStop is called when the server is told to stop. Default nil.
	OnStop func()
	// Succeeded waits until somebody else takes requests, or nobody will; until
	// then this server takes them as if it had not been told to stop, but no longer
	// than SuccessorTimeout. Default nil: there is somebody.
	Succeeded func(ctx context.Context)
	// SuccessorTimeout is how long a successor may take. Default 60 s.
	SuccessorTimeout time.Duration
	// StopDelay is how long requests are still taken after readiness began to
	// fail, for those who have not heard of it yet. Default 0.
	StopDelay time.Duration
	// DrainTimeout is how long requests in flight may take at the end. Default 600 s.
	DrainTimeout time.Duration
	// UpgradedTimeout is how long upgraded connections (WebSocket) may stay after
	// the last ordinary request. Default 60 s.
	UpgradedTimeout time.Duration
	// Drainer ends the upgraded connections: the Proxy.
	Drainer Drainer
	// Log gets what an operator acts on. Default: nothing is logged.
	Log *slog.Logger
}

// Drainer waits for the upgraded connections to end, and ends them with ctx.
type Drainer interface{ Drain(ctx context.Context) }

// Server is the process: its listeners, and how they end without losing a request.
type Server struct {
	cfg      ServerConfig
	stopping atomic.Bool
	bound    chan struct{} // closed when addr and admin are set
	addr     net.Addr
	admin    net.Addr
}

// NewServer builds a Server. It starts nothing.
func NewServer(cfg ServerConfig) (*Server, error) {
	if cfg.Listen == "" || cfg.Handler == nil || cfg.Drainer == nil {
		return nil, errors.New("activator: server: Listen, Handler and Drainer are required")
	}
	cfg.SuccessorTimeout = cmp.Or(cfg.SuccessorTimeout, 60*time.Second)
	cfg.DrainTimeout = cmp.Or(cfg.DrainTimeout, 600*time.Second)
	cfg.UpgradedTimeout = cmp.Or(cfg.UpgradedTimeout, 60*time.Second)
	cfg.Log = cmp.Or(cfg.Log, slog.New(slog.DiscardHandler))
	return &Server{cfg: cfg, bound: make(chan struct{})}, nil
}

// Bound is closed when the listeners are open: from then on Addr and AdminAddr
// may be asked.
func (s *Server) Bound() <-chan struct{} { return s.bound }

// Addr is where requests come in. It may be asked when Bound is closed.
func (s *Server) Addr() net.Addr { return s.addr }

// AdminAddr is where the admin pages are, nil if nowhere. See Addr.
func (s *Server) AdminAddr() net.Addr { return s.admin }

// Run waits, serves until ctx is done and then until all requests are home:
// when somebody has succeeded it, readiness fails, after StopDelay the listener
// closes, requests in flight finish, then upgraded connections, each within
// their bound. An error means
// that it could not listen, or that requests had to be cut off.
func (s *Server) Run(ctx context.Context) error {
	var home sync.WaitGroup
	defer home.Wait()
	failed := make(chan error, 3)
	run := func(srv interface{ Serve(net.Listener) error }, ln net.Listener) {
		home.Go(func() {
			if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
				failed <- fmt.Errorf("activator: serve %s: %w", ln.Addr(), err)
			}
		})
	}
	if s.cfg.Admin != "" {
		ln, err := listen(ctx, s.cfg.Admin, false)
		if err != nil {
			return fmt.Errorf("activator: listen for admin: %w", err)
		}
		admin := s.httpServer(s.adminPages())
		defer admin.Close()
		s.admin = ln.Addr()
		run(admin, ln)
	}
	doors, err := s.open(ctx)
	if len(doors) == 0 {
		return err
	}
	for _, d := range doors {
		run(d.server, d.listener)
	}
	s.addr = doors[0].listener.Addr()
	close(s.bound)
	select {
	case <-ctx.Done():
		return s.drain(doors)
	case err := <-failed:
		for _, d := range doors {
			_ = d.server.Close()
		}
		return err
	}
}

// closing tells clients, while the server stops, to come back on a new connection.
func (s *Server) closing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.stopping.Load() {
			w.Header()["Connection"] = []string{"close"}
		}
		next.ServeHTTP(w, r)
	})
}

// httpServer speaks HTTP/1.1 and, from the first byte, HTTP/2 without TLS.
func (s *Server) httpServer(h http.Handler) *http.Server {
	var both http.Protocols
	both.SetHTTP1(true)
	both.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler:           h,
		Protocols:         &both,
		ReadHeaderTimeout: 30 * time.Second,
		IdleTimeout:       120 * time.Second,
		ErrorLog:          slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelDebug),
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams:          1000,
			MaxReceiveBufferPerStream:     StreamBuffer,
			MaxReceiveBufferPerConnection: 16 * StreamBuffer,
		},
	}
}
