package proxy

import (
	"cmp"
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// Config of a Proxy. The zero value is ready for use.
type Config struct {
	// DialTimeout bounds one attempt to connect to a pod. Default 1 s.
	DialTimeout time.Duration
	// MaxIdle is how many idle connections are kept per pod. Default 512.
	MaxIdle int
	// IdleTimeout is how long an idle connection is kept. Default 90 s.
	IdleTimeout time.Duration
	// ContinueTimeout is how long a client that asked "100-continue" is kept
	// waiting for the app's word before its body is asked for anyway. Default 1 s.
	ContinueTimeout time.Duration
	// TrustForwarded keeps the X-Forwarded-Proto and X-Forwarded-Host that a
	// request arrives with, for where an ingress of our own stands in front.
	// Default false: they are overwritten with what this process sees.
	TrustForwarded bool
	// Unsampled marks the trace contexts that the proxy makes, where a request
	// brings none, as not sampled. Default false: sampled, so that an app's own
	// sampler does not fall silent behind the proxy.
	Unsampled bool
}

// Timeouts bound one request to a pod; a zero field is no bound.
type Timeouts struct {
	// Total bounds the whole exchange, counted from the moment it is sent.
	Total time.Duration
	// ResponseStart bounds the time to the first byte of the answer.
	ResponseStart time.Duration
	// Idle bounds the silence within an answer, and within an upgraded
	// connection, to which the other two do not apply.
	Idle time.Duration
}

// Proxy forwards requests. It is safe for concurrent use.
type Proxy struct {
	cfg     Config
	buffers sync.Pool // *[]byte of bufferSize
	tunnels tunnels
	dial    func(ctx context.Context, network, addr string) (net.Conn, error)
}

const bufferSize = 32 << 10

// New builds a Proxy. It starts nothing.
func New(cfg Config) *Proxy {
	cfg.DialTimeout = cmp.Or(cfg.DialTimeout, time.Second)
	cfg.MaxIdle = cmp.Or(cfg.MaxIdle, 512)
	cfg.IdleTimeout = cmp.Or(cfg.IdleTimeout, 90*time.Second)
	cfg.ContinueTimeout = cmp.Or(cfg.ContinueTimeout, time.Second)
	p := &Proxy{cfg: cfg}
	p.dial = (&net.Dialer{Timeout: cfg.DialTimeout}).DialContext
	p.buffers.New = func() any { b := make([]byte, bufferSize); return &b }
	return p
}

// Forward sends r to the pod behind u and passes its answer to w. The status is
// what the client was told, 0 if nothing was written yet. With an error and
// status 0 the caller still owes an answer (see [Answer], [Unsent]); with an
// error and another status the answer is cut short, and the caller has to abort
// the client's connection (panic with [http.ErrAbortHandler]).
//
// The request's headers are read, never trusted: hop-by-hop and internal ones
// do not reach the pod.
func (p *Proxy) Forward(w http.ResponseWriter, r *http.Request, u *Upstream, t Timeouts) (status int, err error) {
	if r.Method == http.MethodConnect {
		return 0, &Error{Status: http.StatusMethodNotAllowed, Text: "CONNECT is not served here"}
	}
	if u.h2 != nil && upgradeAsked(r) == "" {
		return p.forward2(w, r, u, t)
	}
	return p.forward1(w, r, u, t)
}
