package proxy

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/schema/contract"
)

// rig is a front server that forwards everything to one backend.
type rig struct {
	front    *httptest.Server
	upstream *Upstream
	proxy    *Proxy
	errs     chan error // what Forward returned
}

// hop forwards to addr as the activator does.
func hop(t *testing.T, cfg Config, addr, protocol string, timeouts Timeouts) *rig {
	t.Helper()
	p := New(cfg)
	g := &rig{proxy: p, upstream: p.Upstream(addr, protocol), errs: make(chan error, 1000)}
	g.front = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, err := p.Forward(w, r, g.upstream, timeouts)
		g.errs <- err
		switch {
		case err == nil:
		case status != 0:
			panic(http.ErrAbortHandler)
		default:
			Answer(w, r, err)
		}
	}))
	g.front.Config.Protocols = bothProtocols()
	g.front.Start()
	t.Cleanup(func() {
		g.front.CloseClientConnections()
		g.front.Close()
		g.upstream.Close()
	})
	return g
}

func bothProtocols() *http.Protocols {
	var p http.Protocols
	p.SetHTTP1(true)
	p.SetUnencryptedHTTP2(true)
	return &p
}

// backend is an app that speaks both protocols.
func backend(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.Protocols = bothProtocols()
	s.Start()
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s.Listener.Addr().String()
}

// rawBackend answers each connection's first request with exactly these bytes,
// then closes.
func rawBackend(t *testing.T, answer string) string {
	t.Helper()
	return tcpBackend(t, func(c net.Conn) {
		readRequestHead(c)
		_, _ = io.WriteString(c, answer)
	})
}

func readRequestHead(c net.Conn) string {
	var head strings.Builder
	b := make([]byte, 1)
	for !strings.HasSuffix(head.String(), "\r\n\r\n") {
		if _, err := c.Read(b); err != nil {
			break
		}
		head.Write(b)
	}
	return head.String()
}

// tcpBackend serves each connection with f.
func tcpBackend(t *testing.T, f func(net.Conn)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := ln.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			f(c)
			_ = c.Close()
		}
	}()
	t.Cleanup(func() {
		_ = ln.Close()
		<-done
	})
	return ln.Addr().String()
}

// h2cClient speaks HTTP/2 without TLS.
func h2cClient(t *testing.T) *http.Client {
	t.Helper()
	var only http.Protocols
	only.SetUnencryptedHTTP2(true)
	tr := &http.Transport{Protocols: &only}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

func h1Client(t *testing.T) *http.Client {
	t.Helper()
	tr := &http.Transport{DisableCompression: true}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func do(t *testing.T, c *http.Client, req *http.Request) (*http.Response, string) {
	t.Helper()
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(b)
}

func request(t *testing.T, method, url string, body io.Reader) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// matrix runs f for every pair of what the client and the app speak.
func matrix(t *testing.T, f func(t *testing.T, client *http.Client, protocol string)) {
	t.Helper()
	for _, protocol := range []string{contract.ProtocolHTTP1, contract.ProtocolH2C} {
		t.Run("client=http1/app="+protocol, func(t *testing.T) { f(t, h1Client(t), protocol) })
		t.Run("client=h2c/app="+protocol, func(t *testing.T) { f(t, h2cClient(t), protocol) })
	}
}

func onEarlyHints(ctx context.Context, f func(http.Header)) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			if code == http.StatusEarlyHints {
				f(http.Header(h))
			}
			return nil
		},
	})
}
