package git

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
)

// maxAdvertised is how many bytes a remote may spend on its references.
const maxAdvertised = 64 << 20

// httpDialer talks smart HTTP over connections that stay open.
type httpDialer struct {
	place location
	auth  Auth
	fetch int64

	// mu guards all below: the connections and the CA file they trust, and the
	// secrets used, which no error may show.
	mu      sync.Mutex
	ca      []byte
	pool    *http.Transport
	secrets []string
}

func newHTTPDialer(place location, auth Auth, fetch int64) (*httpDialer, error) {
	if err := auth.check(place); err != nil {
		return nil, fmt.Errorf("%s: %w", place, err)
	}
	return &httpDialer{place: place, auth: auth, fetch: fetch}, nil
}

func (h *httpDialer) dial(context.Context) (session, error) {
	client, method, err := h.client()
	if err != nil {
		return nil, err
	}
	return client.NewUploadPackSession(h.endpoint(), method)
}

// client talks over the connections that are open.
func (h *httpDialer) client() (transport.Transport, transport.AuthMethod, error) {
	method, err := h.method()
	if err != nil {
		return nil, nil, err
	}
	pool, err := h.connections()
	if err != nil {
		return nil, nil, err
	}
	return githttp.NewClient(&http.Client{Transport: bounded{pool, h.fetch}}), method, nil
}

// endpoint is the URL without user and password: what go-git does not know it
// cannot tell.
func (h *httpDialer) endpoint() *transport.Endpoint {
	port, _ := strconv.Atoi(h.place.port)
	host := h.place.host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return &transport.Endpoint{Protocol: h.place.scheme, Host: host, Port: port, Path: h.place.path}
}

func (h *httpDialer) method() (githttp.AuthMethod, error) {
	password := h.place.password
	var err error
	switch {
	case h.auth.BearerFile != "":
		password, err = secret(h.auth.BearerFile)
		h.keep(password)
		return &githttp.TokenAuth{Token: password}, err
	case h.auth.PasswordFile != "":
		if password, err = secret(h.auth.PasswordFile); err != nil {
			return nil, err
		}
	case password == "" && h.place.user == "":
		return nil, nil
	}
	h.keep(password)
	return &githttp.BasicAuth{Username: h.auth.user(h.place), Password: password}, nil
}

// keep notes a secret that errors must not show.
func (h *httpDialer) keep(secret string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.secrets = []string{secret}
}

// connections gives the pool of open connections; a new one if the CA file
// has changed.
func (h *httpDialer) connections() (*http.Transport, error) {
	var ca []byte
	if h.auth.CAFile != "" {
		var err error
		if ca, err = os.ReadFile(h.auth.CAFile); err != nil {
			return nil, &Error{Kind: ErrHostKey, Cause: err, Advice: "check the path and the rights of the CA file"}
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.pool != nil && bytes.Equal(ca, h.ca) {
		return h.pool, nil
	}
	roots, err := rootsWith(ca)
	if err != nil {
		return nil, err
	}
	if h.pool != nil {
		h.pool.CloseIdleConnections()
	}
	h.ca = ca
	h.pool = &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSClientConfig:       &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: time.Minute,
		IdleConnTimeout:       5 * time.Minute,
		MaxIdleConnsPerHost:   2,
		ForceAttemptHTTP2:     true,
	}
	return h.pool, nil
}

// rootsWith are the system's certificates and the given ones; nil means the
// system's alone.
func rootsWith(ca []byte) (*x509.CertPool, error) {
	if ca == nil {
		return nil, nil
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM(ca) {
		return nil, &Error{Kind: ErrHostKey, Detail: "no certificate in the CA file", Advice: "give certificates in PEM form"}
	}
	return roots, nil
}

func (h *httpDialer) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.pool != nil {
		h.pool.CloseIdleConnections()
	}
}

// bounded cuts off answers that are longer than they may be.
type bounded struct {
	pool  http.RoundTripper
	fetch int64
}

// RoundTrip sends a request.
func (b bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := b.pool.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	most := b.fetch + b.fetch/64 + 1<<16 // the pack and its packet headers
	if req.Method == http.MethodGet {
		most = maxAdvertised
	}
	if res.StatusCode >= http.StatusBadRequest {
		most = 1 << 12
	}
	res.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(res.Body, most), res.Body}
	return res, nil
}

func (h *httpDialer) explain(err error) error {
	var unexpected *plumbing.UnexpectedError
	if errors.As(err, &unexpected) {
		err = unexpected.Err // it does not unwrap itself
	}
	h.mu.Lock()
	cause := scrub(err, h.secrets...)
	h.mu.Unlock()
	e := &Error{Kind: ErrUnreachable, Cause: cause, Advice: "check the network and the URL; trying again by itself"}
	var status *githttp.Err
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.Is(err, transport.ErrAuthenticationRequired):
		e.Kind, e.Cause, e.Advice = ErrAuth, nil, "the remote asks who we are: check the user and the password or token"
	case errors.Is(err, transport.ErrAuthorizationFailed):
		e.Kind, e.Cause, e.Advice = ErrAuth, nil, "the remote knows us and refuses: give this user or token the right to read the repository, or to push to it"
	case errors.Is(err, transport.ErrRepositoryNotFound):
		e.Kind, e.Cause, e.Advice = ErrNoRepository, nil, "check the path; a private repository also answers so to whoever may not read it"
	case errors.As(err, &certificate):
		e.Kind, e.Advice = ErrHostKey, "give the certificate of its authority as CA file, or correct the host's name"
	case errors.As(err, &status):
		e.Cause, e.Detail = nil, "it answers HTTP "+strconv.Itoa(status.StatusCode())
	case errors.Is(err, ErrLimit), errors.Is(err, ErrNoObject):
		return cause
	}
	return e
}
