package post

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/sluice-dev/sluice/runtime/cloudevents"
	"github.com/sluice-dev/sluice/schema/contract"
)

// Config of a Client. The zero value is ready for use.
type Config struct {
	// Dial connects. Default: net.Dialer with 5 s.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// MaxIdle is how many idle connections are kept per address. Default 1024:
	// some subscriptions at one address with 64 deliveries each.
	MaxIdle int
	// IdleTimeout is how long one is kept. Default 60 s.
	IdleTimeout time.Duration
	// MaxAnswer bounds the body of an answer. Default 1 MiB.
	MaxAnswer int64
}

// Client sends events. It is safe for concurrent use.
type Client struct {
	cfg   Config
	mu    sync.Mutex // guards pools
	pools map[string]*pool
}

// New builds a Client. It starts nothing.
func New(cfg Config) *Client {
	if cfg.Dial == nil {
		cfg.Dial = (&net.Dialer{Timeout: 5 * time.Second}).DialContext
	}
	cfg.MaxIdle = cmp.Or(cfg.MaxIdle, 1024)
	cfg.IdleTimeout = cmp.Or(cfg.IdleTimeout, time.Minute)
	cfg.MaxAnswer = cmp.Or(cfg.MaxAnswer, contract.DefaultMaxEventBytes)
	return &Client{cfg: cfg, pools: map[string]*pool{}}
}

// Close ends the idle connections.
func (c *Client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.pools {
		p.close()
	}
	clear(c.pools)
}

// Target is where events are sent.
type Target struct {
	client *Client
	url    string
	// For plain HTTP.
	pool *pool
	head []byte // the request's first lines
	// For https.
	https *http.Client
}

// URL is the target's address.
func (t *Target) URL() string { return t.url }

// Target parses an address.
func (c *Client) Target(to contract.Destination) (*Target, error) {
	u, err := url.Parse(to.URL)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("%q is no address of a subscriber: write http://HOST/PATH", to.URL)
	}
	t := &Target{client: c, url: u.String()}
	switch u.Scheme {
	case "http":
		t.pool = c.pool(net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "80")))
		t.head = fmt.Appendf(nil, "POST %s HTTP/1.1\r\nhost: %s\r\nuser-agent: sluice\r\n", u.RequestURI(), u.Host)
	case "https":
		t.https, err = c.secure(to.CACerts)
	default:
		return nil, fmt.Errorf("%q: the scheme is %q; http and https are understood", to.URL, u.Scheme)
	}
	return t, err
}

func (c *Client) pool(address string) *pool {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.pools[address]
	if p == nil {
		p = &pool{cfg: &c.cfg, address: address}
		c.pools[address] = p
	}
	return p
}

// secure is a client of net/http that trusts the certificates given, beside the
// system's.
func (c *Client) secure(pem string) (*http.Client, error) {
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if pem != "" && !roots.AppendCertsFromPEM([]byte(pem)) {
		return nil, errors.New("caCerts holds no certificate in PEM")
	}
	return &http.Client{
		Transport: &http.Transport{
			DialContext: c.cfg.Dial, TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			MaxIdleConnsPerHost: c.cfg.MaxIdle, IdleConnTimeout: c.cfg.IdleTimeout, ForceAttemptHTTP2: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

// Answer is what a target said.
type Answer struct {
	Status int
	// Header may be nil where there is nothing in it to act on: the status is
	// 2xx, and there is neither a body nor a header of an event.
	Header http.Header
	Body   []byte
}

// ErrAnswerTooLarge is an answer whose body is over the limit.
var ErrAnswerTooLarge = errors.New("the answer is too large")

// Post sends an event and returns the answer. It ends with ctx, and when the
// timeout is over (0: none): then with context.DeadlineExceeded.
func (t *Target) Post(ctx context.Context, e *cloudevents.Event, format string, timeout time.Duration) (Answer, error) {
	if t.https != nil {
		return t.postSecure(ctx, e, format, timeout)
	}
	var deadline time.Time
	if timeout > 0 {
		deadline = time.Now().Add(timeout)
	}
	for {
		c, err := t.pool.get(ctx, deadline)
		if err != nil {
			return Answer{}, err
		}
		reused := c.used
		answer, err := c.exchange(ctx, deadline, t, e, format)
		if err == errStale && reused {
			continue // each turn uses one idle connection up
		}
		return answer, err
	}
}

// structured tells whether an event is sent in one piece.
func structured(e *cloudevents.Event, format string) bool {
	return format == contract.FormatJSON || e.Around()
}

// trace is the event's trace context as a header.
func trace(e *cloudevents.Event, name string) string {
	v, _ := e.Attribute(name)
	if strings.ContainsAny(v, "\r\n") {
		return ""
	}
	return v
}
