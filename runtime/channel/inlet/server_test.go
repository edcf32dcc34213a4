package inlet

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a running server: "known" takes events, all else goes to net/http,
// which answers 299.
type world struct {
	*Server
	t     testing.TB
	addr  string
	taken atomic.Int64
	ended chan error
}

func start(t testing.TB, take Take, change ...func(*Config)) *world {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, addr: l.Addr().String(), ended: make(chan error, 1)}
	cfg := Config{
		Find: func(host, _ string) Take {
			if host != "known" {
				return nil
			}
			return func(ctx context.Context, h http.Header, body []byte) error {
				w.taken.Add(1)
				return take(ctx, h, body)
			}
		},
		Refusal: func(err error) Answer {
			return Answer{Status: 429, Header: map[string]string{"Retry-After": "7"}, Text: err.Error()}
		},
		Else: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			rw.WriteHeader(299)
			_, _ = fmt.Fprintf(rw, "%s %d %s", r.Proto, len(body), r.Header.Get("X-N"))
		}),
		Log: slog.New(slog.DiscardHandler),
	}
	for _, f := range change {
		f(&cfg)
	}
	w.Server = New(l, cfg)
	go func() { w.ended <- w.Serve() }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := w.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if err := <-w.ended; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return w
}

func accept(context.Context, http.Header, []byte) error { return nil }

// dial opens a connection of a sender's.
func (w *world) dial() (net.Conn, *bufio.Reader) {
	w.t.Helper()
	c, err := net.Dial("tcp", w.addr)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	return c, bufio.NewReader(c)
}

// event is a plain request.
func event(host, body string, more ...string) string {
	return fmt.Sprintf("POST / HTTP/1.1\r\nHost: %s\r\n%sContent-Length: %d\r\n\r\n%s", host, strings.Join(more, ""), len(body), body)
}

func say(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

// hear reads an answer: its status and its body.
func hear(t *testing.T, br *bufio.Reader) (*http.Response, string) {
	t.Helper()
	resp, err := http.ReadResponse(br, nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func TestServer_TakesPlainEventsOverOneConnection(t *testing.T) {
	var got []string
	w := start(t, func(_ context.Context, h http.Header, body []byte) error {
		got = append(got, h.Get("X-N")+string(body))
		return nil
	})
	c, br := w.dial()
	for i := range 3 {
		say(t, c, event("known", "hello", fmt.Sprintf("x-n: %d\r\n", i)))
		if resp, body := hear(t, br); resp.StatusCode != 202 || body != "" || resp.Header.Get("Date") == "" {
			t.Errorf("got %+v %s", resp, body)
		}
	}
	if strings.Join(got, " ") != "0hello 1hello 2hello" {
		t.Errorf("got %q", got)
	}
}

func TestServer_TakesWhatComesInPiecesOrTogether(t *testing.T) {
	var got []string
	w := start(t, func(_ context.Context, _ http.Header, body []byte) error {
		got = append(got, string(body))
		return nil
	})
	c, br := w.dial()
	large := strings.Repeat("x", 20_000)
	say(t, c, event("known", "one")+event("known", "two")+event("known", large)+event("known", "four"))
	for range 4 {
		if resp, _ := hear(t, br); resp.StatusCode != 202 && resp.StatusCode != 299 {
			t.Errorf("got %d", resp.StatusCode)
		}
	}
	if len(got) < 3 || got[0] != "one" || got[1] != "two" || got[2] != large {
		t.Errorf("got %d: %.20q", len(got), got)
	}
}

func TestServer_LeavesTheRestToNetHTTP(t *testing.T) {
	w := start(t, accept, func(c *Config) { c.MaxBody = 100 })
	for name, row := range map[string]struct {
		raw  string
		want string
	}{
		"an unknown host":  {event("nobody", "x"), "HTTP/1.1 1 "},
		"a large body":     {event("known", strings.Repeat("x", 101), "x-n: 5\r\n"), "HTTP/1.1 101 5"},
		"chunks":           {"POST / HTTP/1.1\r\nHost: known\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", "HTTP/1.1 2 "},
		"another method":   {"PUT / HTTP/1.1\r\nHost: known\r\nContent-Length: 1\r\n\r\nx", "HTTP/1.1 1 "},
		"nonsense":         {"hello, is somebody there?\r\n\r\n", ""},
		"two lengths":      {"POST / HTTP/1.1\r\nHost: known\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", ""},
		"an event, then":   {event("known", "x") + event("nobody", "yz"), "HTTP/1.1 2 "},
		"a head in pieces": {"POST / HTTP/1.1\r\nHost: no", "HTTP/1.1 1 "},
	} {
		t.Run(name, func(t *testing.T) {
			c, br := w.dial()
			say(t, c, row.raw)
			if name == "a head in pieces" {
				say(t, c, "body\r\nContent-Length: 1\r\n\r\nx")
			}
			resp, body := hear(t, br)
			if resp.StatusCode == 202 {
				resp, body = hear(t, br)
			}
			if want := map[bool]int{true: 400, false: 299}[row.want == ""]; resp.StatusCode != want || want == 299 && body != row.want {
				t.Errorf("got %d %q", resp.StatusCode, body)
			}
		})
	}
}

func TestServer_SpeaksHTTP2(t *testing.T) {
	w := start(t, accept)
	tr := &http.Transport{Protocols: new(http.Protocols)}
	tr.Protocols.SetUnencryptedHTTP2(true)
	defer tr.CloseIdleConnections()
	resp, err := (&http.Client{Transport: tr}).Post("http://"+w.addr+"/", "text/plain", strings.NewReader("hi"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); string(body) != "HTTP/2.0 2 " {
		t.Errorf("got %s", body)
	}
}

func TestServer_TellsWhyNot(t *testing.T) {
	w := start(t, func(context.Context, http.Header, []byte) error { return errors.New("full") })
	c, br := w.dial()
	for range 2 {
		say(t, c, event("known", "x"))
		if resp, body := hear(t, br); resp.StatusCode != 429 || body != "full" || resp.Header.Get("Retry-After") != "7" {
			t.Errorf("got %+v %s", resp, body)
		}
	}
}

func TestServer_SurvivesAPanic(t *testing.T) {
	w := start(t, func(_ context.Context, _ http.Header, body []byte) error {
		if string(body) == "bad" {
			panic("bad")
		}
		return nil
	})
	c, br := w.dial()
	say(t, c, event("known", "bad"))
	if _, err := br.ReadByte(); err == nil {
		t.Error("the connection goes on")
	}
	c, br = w.dial()
	say(t, c, event("known", "good"))
	if resp, _ := hear(t, br); resp.StatusCode != 202 {
		t.Errorf("got %d", resp.StatusCode)
	}
}

func TestServer_EndsIdleConnections(t *testing.T) {
	w := start(t, accept, func(c *Config) { c.IdleTimeout, c.ReadTimeout = 30*time.Millisecond, 30*time.Millisecond })
	for _, said := range []string{"", event("known", "x"), event("known", "x")[:len(event("known", "x"))-1]} {
		c, br := w.dial()
		say(t, c, said)
		if rest, err := io.ReadAll(br); err != nil {
			t.Errorf("after %q: got %q, %v", said, rest, err)
		}
	}
}

func TestShutdown_LetsRequestsEnd(t *testing.T) {
	begun, finish := make(chan struct{}), make(chan struct{})
	w := start(t, func(context.Context, http.Header, []byte) error {
		close(begun)
		<-finish
		return nil
	})
	idle, silent := w.dial()
	_ = idle
	c, br := w.dial()
	say(t, c, event("known", "x"))
	<-begun
	done := make(chan error, 1)
	go func() { done <- w.Shutdown(context.Background()) }()
	if _, err := silent.ReadByte(); err == nil {
		t.Error("the idle connection goes on")
	}
	close(finish)
	if resp, _ := hear(t, br); resp.StatusCode != 202 || !resp.Close {
		t.Errorf("got %+v", resp)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", w.addr); err == nil {
		t.Error("still listens")
	}
}

func TestShutdown_BreaksOffWhatTakesTooLong(t *testing.T) {
	w := start(t, func(ctx context.Context, _ http.Header, _ []byte) error { <-ctx.Done(); return ctx.Err() })
	c, _ := w.dial()
	say(t, c, event("known", "x"))
	for w.taken.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := w.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}
