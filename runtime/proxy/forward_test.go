package proxy

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-dev/sluice/schema/contract"
)

func TestForward_PassesMethodPathBodyStatusAndHeaders(t *testing.T) {
	matrix(t, func(t *testing.T, client *http.Client, protocol string) {
		addr := backend(t, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			w.Header().Add("Set-Cookie", "a=1")
			w.Header().Add("Set-Cookie", "b=2")
			w.Header().Set("X-Proto", r.Proto)
			w.WriteHeader(http.StatusTeapot)
			fmt.Fprintf(w, "%s %s host=%s len=%d body=%s h=%s", r.Method, r.RequestURI, r.Host, r.ContentLength, body, r.Header["X-Many"])
		})
		g := hop(t, Config{}, addr, protocol, Timeouts{})
		req := request(t, "PUT", g.front.URL+"/a%2Fb/c;d?q=1;2&e=%20", strings.NewReader("hello"))
		req.Host = "hello.default.localhost"
		req.Header["X-Many"] = []string{"1", "2"}
		res, body := do(t, client, req)
		want := "PUT /a%2Fb/c;d?q=1;2&e=%20 host=hello.default.localhost len=5 body=hello h=[1 2]"
		if res.StatusCode != http.StatusTeapot || body != want {
			t.Errorf("got %d %q, want 418 %q", res.StatusCode, body, want)
		}
		if diff := cmp.Diff([]string{"a=1", "b=2"}, res.Header["Set-Cookie"]); diff != "" {
			t.Error(diff)
		}
		wantProto := map[string]string{contract.ProtocolHTTP1: "HTTP/1.1", contract.ProtocolH2C: "HTTP/2.0"}[protocol]
		if got := res.Header.Get("X-Proto"); got != wantProto {
			t.Errorf("the app saw %s, want %s", got, wantProto)
		}
	})
}

func TestForward_LargeBodiesArriveWholeInBothDirections(t *testing.T) {
	data := make([]byte, 8<<20)
	for i := range data {
		data[i] = byte(rand.Uint32())
	}
	matrix(t, func(t *testing.T, client *http.Client, protocol string) {
		addr := backend(t, func(w http.ResponseWriter, r *http.Request) {
			b, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			if r.URL.Path == "/sized" {
				w.Header().Set("Content-Length", fmt.Sprint(len(b)))
			}
			_, _ = w.Write(b)
		})
		g := hop(t, Config{}, addr, protocol, Timeouts{})
		for _, path := range []string{"/sized", "/chunked"} {
			for _, body := range []io.Reader{bytes.NewReader(data), io.MultiReader(bytes.NewReader(data))} {
				_, got := do(t, client, request(t, "POST", g.front.URL+path, body))
				if sha256.Sum256([]byte(got)) != sha256.Sum256(data) {
					t.Fatalf("%s: %d bytes came back, %d were sent, or they differ", path, len(got), len(data))
				}
			}
		}
	})
}

func TestForward_HopByHopAndInternalHeadersDoNotReachTheApp(t *testing.T) {
	matrix(t, func(t *testing.T, client *http.Client, protocol string) {
		var got http.Header
		addr := backend(t, func(_ http.ResponseWriter, r *http.Request) { got = r.Header })
		g := hop(t, Config{}, addr, protocol, Timeouts{})
		req := request(t, "GET", g.front.URL, nil)
		req.Header = http.Header{
			"Connection": {"keep-alive, X-Secret", "Traceparent"}, "X-Secret": {"1"}, "Keep-Alive": {"timeout=5"}, "Proxy-Authorization": {"x"},
			"Proxy-Connection": {"keep-alive"}, contract.HeaderNamespace: {"evil"}, contract.HeaderRevision: {"evil"}, "X-Kept": {"yes"}, "Te": {"trailers, deflate"},
		}
		if client.Transport.(*http.Transport).Protocols != nil { // HTTP/2 forbids these
			for _, k := range []string{"Connection", "Keep-Alive", "Proxy-Connection"} {
				req.Header.Del(k)
			}
			req.Header.Set("Te", "trailers")
		} else if v := got["X-Secret"]; v != nil {
			t.Errorf("X-Secret, nominated by Connection, reached the app: %q", v)
		}
		do(t, client, req)
		for _, k := range []string{"Keep-Alive", "Proxy-Authorization", "Proxy-Connection", contract.HeaderNamespace, contract.HeaderRevision, "Upgrade"} {
			if v, ok := got[k]; ok {
				t.Errorf("%s reached the app: %q", k, v)
			}
		}
		if got.Get("X-Kept") != "yes" || got.Get("Te") != "trailers" {
			t.Errorf("X-Kept or Te: trailers was lost: %v", got)
		}
	})
}

func TestForward_HeadersNominatedByConnectionAreDropped(t *testing.T) {
	var got http.Header
	addr := backend(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.Header
		w.Header().Set("Connection", "X-Private")
		w.Header().Set("X-Private", "1")
		w.Header().Set("Keep-Alive", "timeout=1")
	})
	g := hop(t, Config{}, addr, contract.ProtocolHTTP1, Timeouts{})
	req := request(t, "GET", g.front.URL, nil)
	req.Header = http.Header{"Connection": {"X-Secret"}, "X-Secret": {"1"}}
	res, _ := do(t, h1Client(t), req)
	if got.Get("X-Secret") != "" {
		t.Error("X-Secret reached the app")
	}
	if res.Header.Get("X-Private") != "" || res.Header.Get("Keep-Alive") != "" {
		t.Errorf("hop-by-hop headers of the answer reached the client: %v", res.Header)
	}
}

func TestForward_TellsTheAppWhereTheRequestCameFrom(t *testing.T) {
	matrix(t, func(t *testing.T, client *http.Client, protocol string) {
		var got http.Header
		addr := backend(t, func(_ http.ResponseWriter, r *http.Request) { got = r.Header })
		g := hop(t, Config{}, addr, protocol, Timeouts{})
		req := request(t, "GET", g.front.URL, nil)
		req.Host = "hello.default.localhost:8080"
		req.Header = http.Header{"X-Forwarded-For": {"10.1.1.1"}, "X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {"evil"}, "Forwarded": {"for=10.1.1.1"}}
		do(t, client, req)
		for key, want := range map[string]string{
			"X-Forwarded-For": "10.1.1.1, 127.0.0.1", "X-Forwarded-Proto": "http", "X-Forwarded-Host": "hello.default.localhost:8080",
			"Forwarded": `for=10.1.1.1, for=127.0.0.1;host="hello.default.localhost:8080";proto=http`,
		} {
			if got.Get(key) != want {
				t.Errorf("%s: got %q, want %q", key, got.Get(key), want)
			}
		}
		if tp := got.Get("Traceparent"); !regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-01$`).MatchString(tp) {
			t.Errorf("traceparent %q", tp)
		}
		const theirs = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
		req.Header.Set("Traceparent", theirs)
		do(t, client, req)
		if tp := got.Get("Traceparent"); tp != theirs {
			t.Errorf("traceparent %q was made of %q", tp, theirs)
		}
	})
}

func TestForward_BehindAnIngressItsForwardedHeadersAreKept(t *testing.T) {
	var got http.Header
	addr := backend(t, func(_ http.ResponseWriter, r *http.Request) { got = r.Header })
	g := hop(t, Config{TrustForwarded: true, Unsampled: true}, addr, contract.ProtocolHTTP1, Timeouts{})
	req := request(t, "GET", g.front.URL, nil)
	req.Header = http.Header{"X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {"shop.example"}}
	do(t, h1Client(t), req)
	if got.Get("X-Forwarded-Proto") != "https" || got.Get("X-Forwarded-Host") != "shop.example" {
		t.Errorf("got %v", got)
	}
	if tp := got.Get("Traceparent"); !strings.HasSuffix(tp, "-00") {
		t.Errorf("traceparent %q is sampled", tp)
	}
}

func TestForwarded_QuotesWhatIsNoToken(t *testing.T) {
	for _, c := range []struct {
		name, remote string
		want         string
	}{
		{"IPv6 is bracketed and quoted", "[2001:db8::1]:443", `for="[2001:db8::1]";host=h;proto=http`},
		{"a zone is cut off", "[fe80::1%eth0]:443", `for="[fe80::1]";host=h;proto=http`},
		{"IPv4 is a token", "10.0.0.1:9", "for=10.0.0.1;host=h;proto=http"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := origin{ip: clientIP(&http.Request{RemoteAddr: c.remote}), proto: "http", host: "h"}
			if got := string(o.appendForwarded(nil, nil)); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestForward_AnswersWithoutBodyKeepTheConnection(t *testing.T) {
	conns := sync.Map{}
	addr := backend(t, func(w http.ResponseWriter, r *http.Request) {
		conns.Store(r.RemoteAddr, true)
		switch r.URL.Path {
		case "/204":
			w.WriteHeader(204)
		case "/304":
			w.WriteHeader(304)
		default:
			w.Header().Set("Content-Length", "1000000")
		}
	})
	g := hop(t, Config{}, addr, contract.ProtocolHTTP1, Timeouts{})
	client := h1Client(t)
	for range 3 {
		do(t, client, request(t, "GET", g.front.URL+"/204", nil))
		do(t, client, request(t, "GET", g.front.URL+"/304", nil))
		res, body := do(t, client, request(t, "HEAD", g.front.URL+"/head", nil))
		if res.ContentLength != 1000000 || body != "" {
			t.Errorf("HEAD: length %d, body %q", res.ContentLength, body)
		}
	}
	n := 0
	conns.Range(func(any, any) bool { n++; return true })
	if n != 1 {
		t.Errorf("%d connections to the app, want 1", n)
	}
}

func TestForward_DoesNotGuessAContentType(t *testing.T) {
	addr := backend(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = nil
		_, _ = io.WriteString(w, "<html>")
	})
	matrix(t, func(t *testing.T, client *http.Client, protocol string) {
		g := hop(t, Config{}, addr, protocol, Timeouts{})
		res, _ := do(t, client, request(t, "GET", g.front.URL, nil))
		if ct, ok := res.Header["Content-Type"]; ok {
			t.Errorf("content type %q was made up", ct)
		}
	})
}

func TestForward_TrailersPassBothWays(t *testing.T) {
	matrix(t, func(t *testing.T, client *http.Client, protocol string) {
		addr := backend(t, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			w.Header().Set("Trailer", "X-Announced")
			fmt.Fprintf(w, "%s trailer=%s", body, r.Trailer.Get("X-Up"))
			w.Header().Set("X-Announced", "a")
			w.Header().Set(http.TrailerPrefix+"X-Sudden", "b")
		})
		g := hop(t, Config{}, addr, protocol, Timeouts{})
		req := request(t, "POST", g.front.URL, io.MultiReader(strings.NewReader("body")))
		req.Trailer = http.Header{"X-Up": {"u"}}
		res, body := do(t, client, req)
		if body != "body trailer=u" {
			t.Errorf("the app got %q", body)
		}
		if res.Trailer.Get("X-Announced") != "a" || res.Trailer.Get("X-Sudden") != "b" {
			t.Errorf("trailers of the answer: %v", res.Trailer)
		}
	})
}

func TestForward_AbsoluteTargetsAsSentToAProxyWork(t *testing.T) {
	addr := backend(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "%s %s", r.Host, r.RequestURI) })
	g := hop(t, Config{}, addr, contract.ProtocolHTTP1, Timeouts{})
	client := h1Client(t)
	client.Transport.(*http.Transport).Proxy = func(*http.Request) (*url.URL, error) { return url.Parse(g.front.URL) }
	_, body := do(t, client, request(t, "GET", "http://hello.default.svc.cluster.local/x?y=z", nil))
	if want := "hello.default.svc.cluster.local /x?y=z"; body != want {
		t.Errorf("got %q, want %q", body, want)
	}
}

func TestForward_EarlyHintsPass(t *testing.T) {
	addr := rawBackend(t, "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	g := hop(t, Config{}, addr, contract.ProtocolHTTP1, Timeouts{})
	var hints http.Header
	req := request(t, "GET", g.front.URL, nil)
	req = req.WithContext(onEarlyHints(req.Context(), func(h http.Header) { hints = h }))
	res, body := do(t, h1Client(t), req)
	if hints.Get("Link") != "</a.css>" || res.Header.Get("Link") != "" || body != "ok" {
		t.Errorf("hints %v, answer %v %q", hints, res.Header, body)
	}
}

func TestForward_WhatTheServerSaysOfItsConnectionIsKept(t *testing.T) {
	addr := backend(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Connection", "keep-alive") })
	for _, protocol := range []string{contract.ProtocolHTTP1, contract.ProtocolH2C} {
		g := hop(t, Config{}, addr, protocol, Timeouts{})
		forward := g.front.Config.Handler
		g.front.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Connection", "close")
			forward.ServeHTTP(w, r)
		})
		if res, _ := do(t, h1Client(t), request(t, "GET", g.front.URL, nil)); !res.Close {
			t.Errorf("app=%s: the client may use the connection again", protocol)
		}
	}
}

func TestForward_ManyStreamsAtOnceNeedNoWaiting(t *testing.T) {
	const streams = 600 // more than an app takes on one connection
	arrived, open := make(chan struct{}, streams), make(chan struct{})
	addr := backend(t, func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-open
	})
	g := hop(t, Config{}, addr, contract.ProtocolH2C, Timeouts{})
	client := h1Client(t)
	var wg sync.WaitGroup
	for range streams {
		wg.Go(func() {
			res, err := client.Get(g.front.URL)
			if err != nil {
				t.Error(err)
				return
			}
			_ = res.Body.Close()
		})
	}
	for range streams {
		<-arrived
	}
	close(open)
	wg.Wait()
}
