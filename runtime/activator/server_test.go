package activator

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/websocket"

	"github.com/sluice-dev/sluice/runtime/proxy"
	"github.com/sluice-dev/sluice/schema/contract"
)

// running is a Server under test.
type running struct {
	*Server
	stop context.CancelFunc
	done chan error
	url  string
	adm  string
}

func serve(t *testing.T, cfg ServerConfig) *running {
	t.Helper()
	if cfg.Listen == "" {
		cfg.Listen = "127.0.0.1:0"
	}
	cfg.Admin = "127.0.0.1:0"
	if cfg.Drainer == nil {
		cfg.Drainer = proxy.New(proxy.Config{})
	}
	s, err := NewServer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{Server: s, stop: cancel, done: make(chan error, 1)}
	go func() { r.done <- s.Run(ctx) }()
	select {
	case <-s.Bound():
	case err := <-r.done:
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		select {
		case <-r.done:
		default:
		}
	})
	r.url, r.adm = "http://"+s.Addr().String(), "http://"+s.AdminAddr().String()
	return r
}

// named serves a under the headers of revision hello-1.
func named(a *Activator) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { a.ServeHTTP(w, name(r)) })
}

func TestServer_HealthReadinessAndMetrics(t *testing.T) {
	var synced atomic.Bool
	a := newActivator(t, Config{})
	s := serve(t, ServerConfig{Handler: named(a), Ready: []func() bool{synced.Load}, Metrics: []func(io.Writer) error{a.WriteMetrics}})
	c := client(t)
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 503, "/metrics": 200, "/other": 404} {
		if g := <-get(t.Context(), c, s.adm+path); g.status != want {
			t.Errorf("%s: %d, want %d", path, g.status, want)
		}
	}
	synced.Store(true)
	if g := <-get(t.Context(), c, s.adm+"/readyz"); g.status != 200 {
		t.Errorf("synced: %+v", g)
	}
	s.stop()
	if err := <-s.done; err != nil {
		t.Error(err)
	}
}

func TestServer_SpeaksBothProtocols(t *testing.T) {
	a := newActivator(t, Config{})
	a.SetPod(podAt("p", backend(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hi") }), true, contract.Limits{}))
	s := serve(t, ServerConfig{Handler: named(a)})
	var only http.Protocols
	only.SetUnencryptedHTTP2(true)
	h2 := &http.Transport{Protocols: &only}
	for proto, c := range map[string]*http.Client{"HTTP/1.1": client(t), "HTTP/2.0": {Transport: h2}} {
		res, err := c.Get(s.url)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if res.Proto != proto || string(b) != "hi" {
			t.Errorf("%s: %s %q", proto, res.Proto, b)
		}
	}
	h2.CloseIdleConnections()
	s.stop()
	if err := <-s.done; err != nil {
		t.Error(err)
	}
}

func TestServer_StopsWithoutLosingARequest(t *testing.T) {
	g := newGate()
	a := newActivator(t, Config{})
	a.SetPod(podAt("p", backend(t, g.ServeHTTP), true, contract.Limits{}))
	s := serve(t, ServerConfig{Handler: named(a), StopDelay: 500 * time.Millisecond})
	c := client(t)
	first := get(t.Context(), c, s.url+"/first")
	<-g.arrived
	s.stop()
	for (<-get(t.Context(), c, s.adm+"/readyz")).status != 503 {
	}
	second := get(t.Context(), c, s.url+"/second") // a client that has not heard of it yet
	<-g.arrived
	select {
	case err := <-s.done:
		t.Fatalf("stopped with two requests in flight: %v", err)
	default:
	}
	close(g.open)
	for _, got := range []<-chan answer{first, second} {
		if r := <-got; r.status != 200 || r.body != "done" {
			t.Errorf("%+v", r)
		} else if got == (<-chan answer)(second) && !r.last {
			t.Error("the client is not told to come back on a new connection")
		}
	}
	if err := <-s.done; err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", s.Addr().String()); err == nil {
		t.Error("still listening")
	}
}

func TestServer_GoesOnUntilASuccessorTakesRequests(t *testing.T) {
	succeeded, asked := make(chan struct{}), make(chan struct{})
	s := serve(t, ServerConfig{Handler: http.NotFoundHandler(), StopDelay: 500 * time.Millisecond, Succeeded: func(ctx context.Context) {
		close(asked)
		select {
		case <-succeeded:
		case <-ctx.Done():
		}
	}})
	c := client(t)
	s.stop()
	<-asked
	if r := <-get(t.Context(), c, s.url); r.status != http.StatusNotFound || r.last {
		t.Errorf("%+v, want an answer on a connection that stays", r)
	}
	if r := <-get(t.Context(), c, s.adm+"/readyz"); r.status != http.StatusOK {
		t.Errorf("%+v: not ready before another is", r)
	}
	close(succeeded)
	for (<-get(t.Context(), c, s.adm+"/readyz")).status != http.StatusServiceUnavailable {
	}
	if err := <-s.done; err != nil {
		t.Error(err)
	}
}

func TestServer_ASuccessorThatNeverTakesRequestsIsNotWaitedForForEver(t *testing.T) {
	s := serve(t, ServerConfig{Handler: http.NotFoundHandler(), SuccessorTimeout: 10 * time.Millisecond, Succeeded: func(ctx context.Context) { <-ctx.Done() }})
	s.stop()
	if err := <-s.done; err != nil {
		t.Error(err)
	}
}

func TestServer_AWebSocketMayStayUntilItsDeadline(t *testing.T) {
	p := proxy.New(proxy.Config{})
	a := newActivator(t, Config{Proxy: p})
	a.SetPod(podAt("p", backend(t, websocket.Handler(func(ws *websocket.Conn) { _, _ = io.Copy(ws, ws) }).ServeHTTP), true, contract.Limits{}))
	s := serve(t, ServerConfig{Handler: named(a), Drainer: p, UpgradedTimeout: 100 * time.Millisecond})
	ws, err := websocket.Dial(strings.Replace(s.url, "http", "ws", 1), "", "http://x")
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	s.stop()
	b := make([]byte, 1)
	_, _ = ws.Write([]byte("x"))
	if _, err := io.ReadFull(ws, b); err != nil {
		t.Errorf("cut off at once: %v", err)
	}
	if _, err := io.ReadFull(ws, b); err == nil {
		t.Error("still open after the deadline")
	}
	if err := <-s.done; err != nil {
		t.Error(err)
	}
	until(t, a, "empty", func(l Load) bool { return l.InFlight == 0 })
}

func TestServer_RequestsThatNeverEndAreCutOffAtTheDeadline(t *testing.T) {
	g := newGate()
	a := newActivator(t, Config{})
	a.SetPod(podAt("p", backend(t, g.ServeHTTP), true, contract.Limits{}))
	s := serve(t, ServerConfig{Handler: named(a), DrainTimeout: 30 * time.Millisecond})
	got := get(t.Context(), client(t), s.url)
	<-g.arrived
	s.stop()
	if err := <-s.done; err == nil {
		t.Error("no error")
	}
	if r := <-got; r.err == nil {
		t.Errorf("%+v", r)
	}
}

func TestServer_ASuccessorTakesOverTheSamePort(t *testing.T) {
	answer := func(s string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, s) })
	}
	old := serve(t, ServerConfig{Handler: answer("old"), ReusePort: true})
	fresh := serve(t, ServerConfig{Handler: answer("new"), ReusePort: true, Listen: old.Addr().String()})
	old.stop()
	if err := <-old.done; err != nil {
		t.Error(err)
	}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if g := <-get(t.Context(), &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, fresh.url); g.body != "new" {
				t.Errorf("%+v", g)
			}
		})
	}
	wg.Wait()
	fresh.stop()
	if err := <-fresh.done; err != nil {
		t.Error(err)
	}
}

// A successor that does not know its routes yet leaves the port to the one that does.
func TestServer_WaitsBeforeItTakesRequests(t *testing.T) {
	old := serve(t, ServerConfig{Handler: named(newActivator(t, Config{})), ReusePort: true})
	known := make(chan struct{})
	s, err := NewServer(ServerConfig{
		Listen: old.Addr().String(), ReusePort: true, Admin: "127.0.0.1:0", Handler: http.NotFoundHandler(), Drainer: proxy.New(proxy.Config{}),
		Wait: func(ctx context.Context) error {
			select {
			case <-known:
			case <-ctx.Done():
			}
			return ctx.Err()
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	old.stop()
	if err := <-old.done; err != nil {
		t.Error(err)
	}
	if c, err := net.Dial("tcp", old.Addr().String()); err == nil {
		_ = c.Close()
		t.Error("it takes connections before it can answer them")
	}
	if s.ready() {
		t.Error("it is ready before it takes requests")
	}
	close(known)
	<-s.Bound()
	if g := <-get(t.Context(), client(t), "http://"+s.Addr().String()); g.status != http.StatusNotFound || !s.ready() {
		t.Errorf("%+v, ready %v", g, s.ready())
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestServer_StoppedWhileItWaitsIsNoError(t *testing.T) {
	s, err := NewServer(ServerConfig{
		Listen: "127.0.0.1:0", Handler: http.NotFoundHandler(), Drainer: proxy.New(proxy.Config{}),
		Wait: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := s.Run(ctx); err != nil {
		t.Error(err)
	}
}

func TestServer_AnAddressInUseIsAnError(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	s, err := NewServer(ServerConfig{Listen: ln.Addr().String(), Handler: http.NotFoundHandler(), Drainer: proxy.New(proxy.Config{})})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("%v", err)
	}
	if _, err := NewServer(ServerConfig{}); err == nil {
		t.Error("an empty config is accepted")
	}
}

func TestServer_InsideIsADoorOfItsOwn(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	inside := ln.Addr().String()
	_ = ln.Close()
	begun, finish := make(chan struct{}), make(chan struct{})
	s := serve(t, ServerConfig{Handler: http.NotFoundHandler(), Inside: inside, InsideHandler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(begun)
		<-finish
		_, _ = io.WriteString(w, "inside")
	})})
	if g := <-get(t.Context(), client(t), s.url); g.status != http.StatusNotFound {
		t.Errorf("outside: %+v", g)
	}
	held := get(t.Context(), client(t), "http://"+inside)
	<-begun
	s.stop() // who is served at either door is waited for
	select {
	case err := <-s.done:
		t.Errorf("stopped with a request inside: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	close(finish)
	if g := <-held; g.status != http.StatusOK || g.body != "inside" {
		t.Errorf("inside: %+v", g)
	}
	if err := <-s.done; err != nil {
		t.Error(err)
	}
}
