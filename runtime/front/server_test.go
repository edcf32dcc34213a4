package front

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestServe_OneConnectionManyRequests(t *testing.T) {
	var mu sync.Mutex
	peers := map[string]int{}
	_, addr := start(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if peers[r.RemoteAddr]++; !isFront(w) {
			t.Error("a plain request was handed on")
		}
	})
	c := dial(t, addr)
	for range 5 {
		c.say(hello)
		if res, _, _ := c.hear("GET"); res.StatusCode != 200 {
			t.Error(res.Status)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if peers[c.LocalAddr().String()] != 5 {
		t.Error(peers)
	}
}

// What is not plain is answered as well, with what was read already, and what
// comes after it on that connection. Which server gets what comes in pieces is
// for the network to say.
func TestServe_NetHTTPServesTheRest(t *testing.T) {
	_, addr := start(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		w.Header().Set("Front", map[bool]string{true: "yes", false: "no"}[isFront(w)])
		_, _ = io.WriteString(w, r.URL.Path+" "+string(b))
	})
	cases := map[string]struct {
		say  []string
		want []string
	}{
		"pipelined": {[]string{"GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n"}, []string{"/1 no", "/2 no"}},
		"in pieces": {[]string{"GET /1 HT", "TP/1.1\r\nHo", "st: a\r\n\r\n"}, []string{"/1 "}},
		"body":      {[]string{"POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab", "cd"}, []string{"/1 abcd"}},
		"chunked":   {[]string{"POST /1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"}, []string{"/1 abno"}},
		"http/1.0":  {[]string{"GET /1 HTTP/1.0\r\n\r\n"}, []string{"/1 no"}},
		"bad":       {[]string{"GET /1 HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"}, []string{"400"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := dial(t, addr)
			c.say("GET /0 HTTP/1.1\r\nHost: a\r\n\r\n")
			if res, _, _ := c.hear("GET"); res.Header.Get("Front") != "yes" {
				t.Error("the first one is plain")
			}
			for _, part := range tc.say {
				c.say(part)
			}
			for _, want := range tc.want {
				res, body, err := c.hear("GET")
				if got := body + res.Header.Get("Front"); err != nil || !strings.HasPrefix(got, want) && !strings.HasPrefix(res.Status, want) {
					t.Errorf("%s: %q, want %q (%v)", res.Status, got, want, err)
				}
			}
		})
	}
}

func TestServe_UpgradesAndHTTP2(t *testing.T) {
	var both http.Protocols
	both.SetHTTP1(true)
	both.SetUnencryptedHTTP2(true)
	s := New(&http.Server{Protocols: &both, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor == 2 {
			return
		}
		nc, brw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer nc.Close()
		_, _ = io.WriteString(nc, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		_, _ = io.CopyN(nc, brw, 4)
	})})
	addr := run(t, s)
	c := dial(t, addr)
	c.say("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nabcd")
	if res, err := http.ReadResponse(c.br, nil); err != nil || res.StatusCode != 101 {
		t.Fatal(res, err)
	}
	if b, err := io.ReadAll(c.br); err != nil || string(b) != "abcd" {
		t.Errorf("%q, %v", b, err)
	}
	var only http.Protocols
	only.SetUnencryptedHTTP2(true)
	tr := &http.Transport{Protocols: &only}
	defer tr.CloseIdleConnections()
	res, err := (&http.Client{Transport: tr}).Get("http://" + addr)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.ProtoMajor != 2 || res.StatusCode != 200 {
		t.Error(res.Proto, res.Status)
	}
}

func TestServe_WhoHangsUpIsHeardOf(t *testing.T) {
	began, cancelled := make(chan struct{}, 1), make(chan error, 1)
	_, addr := start(t, func(_ http.ResponseWriter, r *http.Request) {
		began <- struct{}{}
		<-r.Context().Done()
		cancelled <- context.Cause(r.Context())
	})
	for name, hangUp := range map[string]func(*client) error{
		"closed":      func(c *client) error { return c.Close() },
		"half closed": func(c *client) error { return c.CloseWrite() },
		"reset":       func(c *client) error { return errors.Join(c.SetLinger(0), c.Close()) },
	} {
		c := dial(t, addr)
		c.say(hello)
		<-began
		if err := hangUp(c); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-cancelled:
			if err != context.Canceled {
				t.Error(name, err)
			}
		case <-time.After(10 * time.Second):
			t.Fatal(name, ": not heard of")
		}
	}
}

// net/http hears of it when it has read the body; nobody reads this one. (Who
// sends more than the kernel takes is not heard of: his end comes behind it.)
func TestServe_WhoHangsUpWithABodyUnreadIsHeardOf(t *testing.T) {
	began, cancelled := make(chan struct{}, 1), make(chan struct{}, 1)
	_, addr := start(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			return
		}
		if isFront(w) {
			t.Error("it is no plain request")
		}
		began <- struct{}{}
		<-r.Context().Done()
		cancelled <- struct{}{}
	})
	for name, rest := range map[string]string{
		"whole": "Content-Length: 20000\r\n\r\n" + strings.Repeat("x", 20_000), "begun": "Content-Length: 100000\r\n\r\nx",
		"asks first": "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n", "chunked": "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n",
	} {
		for _, before := range []string{"", hello} { // watched already, or not yet
			c := dial(t, addr)
			if before != "" {
				c.say(before)
				c.hear("GET")
			}
			c.say("POST / HTTP/1.1\r\nHost: a\r\n" + rest)
			<-began
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			select {
			case <-cancelled:
			case <-time.After(10 * time.Second):
				t.Fatal(name, ": not heard of")
			}
		}
	}
}

// A last word with a request before it is no hang-up: that request is answered.
func TestServe_ALastRequestIsAnswered(t *testing.T) {
	began, proceed := make(chan struct{}, 2), make(chan struct{})
	_, addr := start(t, func(w http.ResponseWriter, r *http.Request) {
		began <- struct{}{}
		select {
		case <-proceed:
		case <-r.Context().Done():
			t.Error("cancelled: ", r.URL)
		}
	})
	c := dial(t, addr)
	c.say(hello)
	<-began
	c.say(hello)
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	close(proceed)
	if res, _, _ := c.hear("GET"); res.StatusCode != 200 {
		t.Error(res.Status)
	}
	if res, _, _ := c.hear("GET"); res.StatusCode != 200 {
		t.Error(res.Status)
	}
}

func TestServe_APanicIsLogged(t *testing.T) {
	var text bytes.Buffer
	s := New(&http.Server{ErrorLog: log.New(&text, "", 0), Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("oh") })})
	addr := run(t, s)
	c := dial(t, addr)
	c.say(hello)
	if !c.ended() {
		t.Error("the connection was to end")
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text.String(), "panic serving") || !strings.Contains(text.String(), "oh") {
		t.Error(text.String())
	}
}

func TestShutdown_FinishesWhatHasBegun(t *testing.T) {
	began, proceed := make(chan struct{}), make(chan struct{})
	s, addr := start(t, func(w http.ResponseWriter, r *http.Request) {
		began <- struct{}{}
		<-proceed
	})
	idle, plain, other := dial(t, addr), dial(t, addr), dial(t, addr)
	plain.say(hello)
	<-began
	other.say("GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n")
	<-began
	done := make(chan error)
	go func() { done <- s.Shutdown(context.Background()) }()
	if !idle.ended() {
		t.Error("an idle connection stayed")
	}
	select {
	case err := <-done:
		t.Fatal("over with two requests open: ", err)
	default:
	}
	close(proceed)
	for _, c := range []*client{plain, other} {
		if res, _, _ := c.hear("GET"); res.StatusCode != 200 || !res.Close || !c.ended() {
			t.Errorf("%s, close: %v", res.Status, res.Close)
		}
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestShutdown_EndsWithItsContext(t *testing.T) {
	began := make(chan struct{})
	s, addr := start(t, func(w http.ResponseWriter, r *http.Request) {
		close(began)
		<-r.Context().Done()
	})
	c := dial(t, addr)
	c.say(hello)
	<-began
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Shutdown(ctx); err != context.Canceled {
		t.Error(err)
	}
	if err := s.Close(); err != nil { // cuts it off
		t.Error(err)
	}
	if !c.ended() {
		t.Error("still open")
	}
}

func TestServe_IdleConnectionsEnd(t *testing.T) {
	s := New(&http.Server{ReadHeaderTimeout: 2 * step, IdleTimeout: 4 * step, Handler: http.HandlerFunc(answering)})
	addr := run(t, s)
	later := func() {
		s.tick.Add(3)
		s.look()
	}
	silent, used := dial(t, addr), dial(t, addr)
	used.say(hello)
	used.hear("GET")
	for s.known() < 2 {
		time.Sleep(time.Millisecond) // accepted, which nothing tells
	}
	later()
	if !silent.ended() {
		t.Error("one that never said a word stayed")
	}
	used.say(hello)
	if res, _, _ := used.hear("GET"); res.StatusCode != 200 {
		t.Error("a used one ended before its time")
	}
	gone := make(chan bool)
	go func() { gone <- used.ended() }()
	for {
		later() // more than once, as nothing tells when the answer's end was seen there
		select {
		case ended := <-gone:
			if !ended {
				t.Error("an idle one stayed")
			}
			return
		case <-time.After(time.Millisecond):
		}
	}
}

// known is how many connections the server has.
func (s *Server) known() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}
