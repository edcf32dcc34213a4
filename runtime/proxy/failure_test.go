package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/schema/contract"
)

func TestForward_BadAnswersBecome502(t *testing.T) {
	for _, c := range []struct{ name, answer string }{
		{"nothing", ""},
		{"not HTTP", "SSH-2.0-OpenSSH\r\n\r\n"},
		{"half a head", "HTTP/1.1 200 OK\r\nContent-Le"},
		{"a status that is no number", "HTTP/1.1 2x0 OK\r\n\r\n"},
		{"a negative length", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"},
		{"a signed length", "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\nx"},
		{"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx"},
		{"an unknown transfer encoding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"},
		{"two transfer encodings", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
		{"chunks in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
		{"a space before the colon", "HTTP/1.1 200 OK\r\nX-A : b\r\n\r\n"},
		{"a folded line", "HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\n\r\n"},
		{"a control character in a value", "HTTP/1.1 200 OK\r\nX-A: b\x00\r\n\r\n"},
		{"a head without end", "HTTP/1.1 200 OK\r\nX-A: " + strings.Repeat("a", maxHead+10)},
		{"a switch that nobody asked for", "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := hop(t, Config{}, rawBackend(t, c.answer), contract.ProtocolHTTP1, Timeouts{})
			res, body := do(t, h1Client(t), request(t, "GET", g.front.URL, nil))
			if res.StatusCode != http.StatusBadGateway || body == "" || res.Header.Get("X-A") != "" {
				t.Errorf("got %d %q %v", res.StatusCode, body, res.Header)
			}
			if err := <-g.errs; Unsent(err) {
				t.Errorf("%v: claims that nothing was sent", err)
			}
		})
	}
}

func TestForward_GoodAnswersOfEveryFraming(t *testing.T) {
	long := strings.Repeat("l", 9000)
	for _, c := range []struct{ name, answer, want string }{
		{"until the end, HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nhello", "hello"},
		{"until the end, HTTP/1.1", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello", "hello"},
		{"sized", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello"},
		{"sized, with rubbish after it", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloXXX", "hello"},
		{"the same length twice", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", "hello"},
		{"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", "hello"},
		{"chunked in capitals, with a length", "HTTP/1.1 200 OK\r\nTransfer-Encoding: CHUNKED\r\nContent-Length: 99\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "hello"},
		{"bare line ends", "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", "hello"},
		{"no reason", "HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello", "hello"},
		{"a head that exceeds the buffer", "HTTP/1.1 200 OK\r\nX-Long: " + long + "\r\nContent-Length: 5\r\n\r\nhello", "hello"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := hop(t, Config{}, rawBackend(t, c.answer), contract.ProtocolHTTP1, Timeouts{})
			for range 2 { // the second finds no connection to use again, or a dead one
				res, body := do(t, h1Client(t), request(t, "GET", g.front.URL, nil))
				if res.StatusCode != 200 || body != c.want {
					t.Errorf("got %d %q", res.StatusCode, body)
				}
			}
		})
	}
}

func TestForward_AnAnswerThatBreaksOffReachesTheClientBroken(t *testing.T) {
	for _, c := range []struct{ name, answer string }{
		{"sized", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello"},
		{"large", "HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\nhello"},
		{"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"},
		{"chunked with half a trailer", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: "},
		{"a chunk that is none", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := hop(t, Config{}, rawBackend(t, c.answer), contract.ProtocolHTTP1, Timeouts{})
			for _, client := range []*http.Client{h1Client(t), h2cClient(t)} {
				res, err := client.Do(request(t, "GET", g.front.URL, nil))
				if err != nil {
					continue
				}
				if _, err := io.ReadAll(res.Body); err == nil {
					t.Error("the client took half an answer for the whole")
				}
				_ = res.Body.Close()
			}
		})
	}
}

func TestForward_ADeadPodIsUnsent(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	_ = ln.Close()
	matrix(t, func(t *testing.T, client *http.Client, protocol string) {
		g := hop(t, Config{}, addr, protocol, Timeouts{})
		res, _ := do(t, client, request(t, "POST", g.front.URL, strings.NewReader("x")))
		if res.StatusCode != http.StatusBadGateway {
			t.Errorf("status %d", res.StatusCode)
		}
		if err := <-g.errs; !Unsent(err) {
			t.Errorf("%v: not Unsent", err)
		}
	})
}

func TestForward_AKeptConnectionThatTheAppClosedIsNotUsedAgain(t *testing.T) {
	closed := make(chan struct{})
	addr := tcpBackend(t, func(c net.Conn) {
		readRequestHead(c)
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		_ = c.Close()
		closed <- struct{}{}
	})
	g := hop(t, Config{}, addr, contract.ProtocolHTTP1, Timeouts{})
	for range 20 {
		res, body := do(t, h1Client(t), request(t, "POST", g.front.URL, strings.NewReader("x")))
		if res.StatusCode != 200 || body != "ok" {
			t.Fatalf("got %d %q", res.StatusCode, body)
		}
		<-closed
	}
}

func TestForward_AGetIsRepeatedWhenTheAppClosesAsItArrives(t *testing.T) {
	addr := tcpBackend(t, func(c net.Conn) {
		readRequestHead(c)
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		readRequestHead(c) // the second request on this connection is read, and not answered
	})
	g := hop(t, Config{}, addr, contract.ProtocolHTTP1, Timeouts{})
	client := h1Client(t)
	for range 4 {
		if res, _ := do(t, client, request(t, "GET", g.front.URL, nil)); res.StatusCode != 200 {
			t.Fatalf("status %d", res.StatusCode)
		}
	}
	res, _ := do(t, client, request(t, "POST", g.front.URL, strings.NewReader("x")))
	if res.StatusCode != http.StatusBadGateway {
		t.Errorf("a POST that the app may have seen was answered %d: it was sent twice", res.StatusCode)
	}
}

func TestForward_TheThreeTimers(t *testing.T) {
	forever := func(r *http.Request) { <-r.Context().Done() }
	for _, c := range []struct {
		name     string
		timeouts Timeouts
		app      http.HandlerFunc
		whole    bool // the client sees a 504, not a broken answer
	}{
		{"total, before the answer", Timeouts{Total: 50 * time.Millisecond}, func(_ http.ResponseWriter, r *http.Request) { forever(r) }, true},
		{"response start", Timeouts{Total: time.Minute, ResponseStart: 50 * time.Millisecond}, func(_ http.ResponseWriter, r *http.Request) { forever(r) }, true},
		{"idle, before the answer", Timeouts{Total: time.Minute, Idle: 50 * time.Millisecond}, func(_ http.ResponseWriter, r *http.Request) { forever(r) }, true},
		{"total, within the answer", Timeouts{Total: 50 * time.Millisecond}, dripping(5 * time.Millisecond), false},
		{"idle, within the answer", Timeouts{Total: time.Minute, Idle: 50 * time.Millisecond}, dripping(time.Hour), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			matrix(t, func(t *testing.T, client *http.Client, protocol string) {
				g := hop(t, Config{}, backend(t, c.app), protocol, c.timeouts)
				res, err := client.Do(request(t, "GET", g.front.URL, nil))
				if err != nil {
					t.Fatal(err)
				}
				_, err = io.ReadAll(res.Body)
				_ = res.Body.Close()
				if c.whole && (res.StatusCode != http.StatusGatewayTimeout || err != nil) {
					t.Errorf("got %d, %v; want 504", res.StatusCode, err)
				}
				if !c.whole && (res.StatusCode != 200 || err == nil) {
					t.Errorf("got %d, %v; want 200 and a broken body", res.StatusCode, err)
				}
				e, ok := errors.AsType[*Error](<-g.errs)
				if !ok || e.Status != http.StatusGatewayTimeout {
					t.Errorf("forward: %v", e)
				}
			})
		})
	}
}

// dripping writes a byte per pause for ever.
func dripping(pause time.Duration) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		tick := time.NewTicker(pause)
		defer tick.Stop()
		for {
			_, _ = io.WriteString(w, ".")
			_ = http.NewResponseController(w).Flush()
			select {
			case <-tick.C:
			case <-r.Context().Done():
				return
			}
		}
	}
}

func TestForward_IdleDoesNotEndAnAnswerThatMoves(t *testing.T) {
	matrix(t, func(t *testing.T, client *http.Client, protocol string) {
		addr := backend(t, func(w http.ResponseWriter, _ *http.Request) {
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for range 20 {
				<-tick.C
				_, _ = io.WriteString(w, ".")
				_ = http.NewResponseController(w).Flush()
			}
		})
		g := hop(t, Config{}, addr, protocol, Timeouts{Idle: 200 * time.Millisecond, ResponseStart: 300 * time.Millisecond})
		if _, body := do(t, client, request(t, "GET", g.front.URL, nil)); len(body) != 20 {
			t.Errorf("%d of 20 bytes", len(body))
		}
	})
}

func TestForward_AClientThatHangsUpEndsTheAppsRequest(t *testing.T) {
	matrix(t, func(t *testing.T, client *http.Client, protocol string) {
		arrived, ended := make(chan struct{}), make(chan struct{})
		addr := backend(t, func(_ http.ResponseWriter, r *http.Request) {
			close(arrived)
			<-r.Context().Done()
			close(ended)
		})
		g := hop(t, Config{}, addr, protocol, Timeouts{})
		ctx, cancel := context.WithCancel(t.Context())
		req, _ := http.NewRequestWithContext(ctx, "GET", g.front.URL, nil)
		go func() {
			<-arrived
			cancel()
		}()
		if _, err := client.Do(req); err == nil {
			t.Error("the client did not hang up")
		}
		<-ended
		if err := <-g.errs; !errors.Is(err, ErrClientGone) {
			t.Errorf("forward: %v", err)
		}
	})
}

func TestForward_AnAppThatAnswersBeforeTheBodyIsHeard(t *testing.T) {
	matrix(t, func(t *testing.T, client *http.Client, protocol string) {
		addr := backend(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Connection", "close")
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, "no")
		})
		g := hop(t, Config{}, addr, protocol, Timeouts{Total: 20 * time.Second})
		pr, pw := io.Pipe()
		defer pw.Close()
		req := request(t, "POST", g.front.URL, pr)
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if body, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusUnauthorized || string(body) != "no" {
			t.Errorf("got %d %q", res.StatusCode, body)
		}
		<-g.errs // the request came home although its body never ended
	})
}

func TestForward_BothDirectionsAtOnce(t *testing.T) {
	matrix(t, func(t *testing.T, client *http.Client, protocol string) {
		addr := backend(t, func(w http.ResponseWriter, r *http.Request) {
			rc := http.NewResponseController(w)
			_ = rc.EnableFullDuplex()
			b := make([]byte, 100)
			for {
				n, err := r.Body.Read(b)
				_, _ = w.Write(b[:n])
				_ = rc.Flush()
				if err != nil {
					return
				}
			}
		})
		g := hop(t, Config{}, addr, protocol, Timeouts{})
		pr, pw := io.Pipe()
		first := make(chan struct{})
		go func() {
			_, _ = io.WriteString(pw, "ping0")
			<-first
			for i := 1; i < 5; i++ {
				_, _ = fmt.Fprintf(pw, "ping%d", i)
			}
			_ = pw.Close()
		}()
		res, err := client.Do(request(t, "POST", g.front.URL, pr))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b := make([]byte, 5)
		if _, err := io.ReadFull(res.Body, b); err != nil || string(b) != "ping0" {
			t.Fatalf("%q %v", b, err)
		}
		close(first) // the rest is sent only now that the answer has begun
		rest, err := io.ReadAll(res.Body)
		if err != nil || string(rest) != "ping1ping2ping3ping4" {
			t.Errorf("%q %v", rest, err)
		}
	})
}

func TestForward_ASpaceInAnHTTP2TargetIsRefused(t *testing.T) {
	reached := false
	g := hop(t, Config{}, backend(t, func(http.ResponseWriter, *http.Request) { reached = true }), contract.ProtocolHTTP1, Timeouts{})
	r := httptest.NewRequest("GET", "/", nil)
	r.RequestURI = "/a HTTP/1.1\tX"
	status, err := g.proxy.Forward(httptest.NewRecorder(), r, g.upstream, Timeouts{})
	e, ok := errors.AsType[*Error](err)
	if status != 0 || !ok || e.Status != http.StatusBadRequest || reached {
		t.Errorf("status %d, %v, reached %v", status, err, reached)
	}
}

func TestForward_ConnectIsRefused(t *testing.T) {
	g := hop(t, Config{}, "127.0.0.1:1", contract.ProtocolHTTP1, Timeouts{})
	w := httptest.NewRecorder()
	_, err := g.proxy.Forward(w, httptest.NewRequest(http.MethodConnect, "example.com:443", nil), g.upstream, Timeouts{})
	if Answer(w, httptest.NewRequest("GET", "/", nil), err) != http.StatusMethodNotAllowed {
		t.Error(err)
	}
}

func TestAnswer_SpeaksJSONToThoseWhoAsk(t *testing.T) {
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Accept", "application/json")
	Answer(w, r, &Error{Status: 503, Text: `a "b"`, RetryAfter: 1500 * time.Millisecond})
	if got := w.Body.String(); got != `{"error":"a \"b\"","status":503}` || w.Header().Get("Retry-After") != "2" {
		t.Errorf("%s %v", got, w.Header())
	}
}
