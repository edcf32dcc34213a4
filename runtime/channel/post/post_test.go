package post

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sluice-dev/sluice/runtime/cloudevents"
	"github.com/sluice-dev/sluice/schema/contract"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func event() *cloudevents.Event {
	e := &cloudevents.Event{ID: "1", Source: "/s", Type: "t", Subject: "a b", Extensions: []cloudevents.Extension{{Name: "traceparent", Value: "00-01-02-01"}}}
	e.SetData("text/plain", []byte("hello"))
	return e
}

// target starts a server and opens it.
func target(t *testing.T, cfg Config, path string, h http.HandlerFunc) *Target {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c := New(cfg)
	t.Cleanup(c.Close)
	to, err := c.Target(contract.Destination{URL: s.URL + path})
	if err != nil {
		t.Fatal(err)
	}
	return to
}

func TestPost_SendsTheEventAndReadsTheAnswer(t *testing.T) {
	for _, format := range []string{contract.FormatBinary, contract.FormatJSON} {
		t.Run(format, func(t *testing.T) {
			to := target(t, Config{}, "/in?x=1", func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				got, err := cloudevents.FromHTTP(r.Header, body)
				if err != nil || got[0].Subject != "a b" || string(got[0].Data) != "hello" || r.RequestURI != "/in?x=1" || r.Header.Get("Traceparent") != "00-01-02-01" {
					t.Errorf("got %s %v %s %v", r.RequestURI, r.Header, body, err)
				}
				w.Header().Set("X-Answer", "yes")
				w.WriteHeader(http.StatusAccepted)
				_, _ = io.WriteString(w, "thanks")
			})
			a, err := to.Post(t.Context(), event(), format, 0)
			if err != nil || a.Status != 202 || a.Header.Get("X-Answer") != "yes" || string(a.Body) != "thanks" {
				t.Errorf("got %+v, %v", a, err)
			}
		})
	}
}

func TestPost_KeepsConnections(t *testing.T) {
	seen := map[string]bool{}
	to := target(t, Config{}, "/", func(w http.ResponseWriter, r *http.Request) {
		seen[r.RemoteAddr] = true
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = w.Write(bytes.Repeat([]byte("x"), 10_000)) // chunked
	})
	for range 5 {
		if a, err := to.Post(t.Context(), event(), "", 0); err != nil || len(a.Body) != 10_000 {
			t.Fatal(err)
		}
	}
	if len(seen) != 1 {
		t.Errorf("%d connections", len(seen))
	}
}

func TestPost_DialsAnewWhereAKeptConnectionWasClosed(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer s.Close()
	c := New(Config{})
	defer c.Close()
	to, err := c.Target(contract.Destination{URL: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := to.Post(t.Context(), event(), "", 0); err != nil {
			t.Fatal(err)
		}
		s.CloseClientConnections()
	}
}

func TestPost_DoesNotFollowRedirects(t *testing.T) {
	to := target(t, Config{}, "/", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			t.Error("followed")
		}
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	})
	if a, err := to.Post(t.Context(), event(), "", 0); err != nil || a.Status != 307 {
		t.Errorf("got %v, %v", a.Status, err)
	}
}

func TestPost_EndsWithItsContext(t *testing.T) {
	to := target(t, Config{}, "/", func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	})
	if _, err := to.Post(t.Context(), event(), "", 20*time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, stop)
	if _, err := to.Post(ctx, event(), "", 0); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestPost_BoundsTheAnswer(t *testing.T) {
	to := target(t, Config{MaxAnswer: 4}, "/", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "12345") })
	if a, err := to.Post(t.Context(), event(), "", 0); !errors.Is(err, ErrAnswerTooLarge) || string(a.Body) != "1234" || a.Status != 200 {
		t.Errorf("got %+v, %v", a, err)
	}
}

func TestPost_AnswersThatAreNoHTTP(t *testing.T) {
	for name, said := range map[string]string{"nothing": "", "nonsense": "220 mail\r\n\r\n", "cut short": "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe"} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan struct{})
			go func() {
				defer close(done)
				if c, err := l.Accept(); err == nil {
					_, _ = c.Read(make([]byte, 4096))
					_, _ = io.WriteString(c, said)
					_ = c.Close()
				}
			}()
			c := New(Config{})
			defer c.Close()
			to, err := c.Target(contract.Destination{URL: "http://" + l.Addr().String()})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := to.Post(t.Context(), event(), "", 0); err == nil {
				t.Error("taken for an answer")
			}
			_ = l.Close()
			<-done
		})
	}
}

func TestPost_OverTLS(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if got, err := cloudevents.FromHTTP(r.Header, body); err != nil || got[0].ID != "1" {
			t.Errorf("got %v, %v", got, err)
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	defer s.Close()
	c := New(Config{})
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
	to, err := c.Target(contract.Destination{URL: s.URL, CACerts: ca})
	if err != nil {
		t.Fatal(err)
	}
	defer to.https.CloseIdleConnections()
	for _, format := range []string{contract.FormatBinary, contract.FormatJSON} {
		if a, err := to.Post(t.Context(), event(), format, 0); err != nil || a.Status != 204 {
			t.Errorf("got %v, %v", a, err)
		}
	}
	if _, err := c.Target(contract.Destination{URL: s.URL, CACerts: "x"}); err == nil || !strings.Contains(err.Error(), "no certificate") {
		t.Errorf("got %v", err)
	}
}

func TestTarget_RefusesWhatIsNoAddress(t *testing.T) {
	for _, url := range []string{"", "mail", "ftp://x/", "http://", "http://[::1"} {
		if _, err := New(Config{}).Target(contract.Destination{URL: url}); err == nil {
			t.Errorf("%q was taken", url)
		}
	}
}

func TestVia_SendsClusterHostsToTheGateway(t *testing.T) {
	for address, want := range map[string]bool{
		"mail.shop.svc.cluster.local:80": true, "MAIL.shop.svc.cluster.local.:80": true, "mail.shop.svc:80": true, "mail.shop.127.localhost:8080": true,
		"example.com:80": false, "127.0.0.1:80": false, "localhost:80": false, "cluster.local.example.com:80": false,
	} {
		if got := inCluster(address); got != want {
			t.Errorf("%s: got %v", address, got)
		}
	}
	to := target(t, Config{}, "/", func(w http.ResponseWriter, r *http.Request) {
		if r.Host != "mail.shop.svc.cluster.local" {
			t.Errorf("host %s", r.Host)
		}
		w.WriteHeader(202)
	})
	c := New(Config{Dial: Via(to.pool.address)})
	defer c.Close()
	mail, err := c.Target(contract.Destination{URL: "http://mail.shop.svc.cluster.local/"})
	if err != nil {
		t.Fatal(err)
	}
	if a, err := mail.Post(t.Context(), event(), "", 0); err != nil || a.Status != 202 {
		t.Errorf("got %v, %v", a, err)
	}
}

func BenchmarkPost(b *testing.B) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusAccepted)
	}))
	defer s.Close()
	c := New(Config{})
	defer c.Close()
	to, err := c.Target(contract.Destination{URL: s.URL})
	if err != nil {
		b.Fatal(err)
	}
	e := event()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := to.Post(b.Context(), e, "", 0); err != nil {
			b.Fatal(err)
		}
	}
}

// TestPost_AnEventAroundAnEventGoesInOnePiece, or its receiver would take the
// payload for the event.
func TestPost_AnEventAroundAnEventGoesInOnePiece(t *testing.T) {
	to := target(t, Config{}, "/", func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got, err := cloudevents.FromHTTP(r.Header, body)
		if err != nil || got[0].ID != "1" || got[0].DataContentType != cloudevents.MediaTypeJSON {
			t.Errorf("got %v %s, %v", r.Header, body, err)
		}
	})
	e := event()
	e.SetData(cloudevents.MediaTypeJSON, []byte(`{"specversion":"1.0","id":"inner","source":"/i","type":"t"}`))
	if a, err := to.Post(t.Context(), e, contract.FormatBinary, 0); err != nil || a.Status != 200 {
		t.Errorf("%+v, %v", a, err)
	}
}

// TestPost_AnAnswerThatComesBeforeTheEndCounts: a receiver that has said no does
// not read on; that it closes then takes nothing from what it said.
func TestPost_AnAnswerThatComesBeforeTheEndCounts(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "too large", http.StatusRequestEntityTooLarge)
	}))
	defer s.Close()
	c := New(Config{})
	defer c.Close()
	target, err := c.Target(contract.Destination{URL: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	e := cloudevents.Event{ID: "1", Source: "/s", Type: "t"}
	e.SetData("text/plain", make([]byte, 32<<20))
	a, err := target.Post(t.Context(), &e, contract.FormatBinary, 10*time.Second)
	if err != nil || a.Status != http.StatusRequestEntityTooLarge || string(a.Body) != "too large\n" {
		t.Errorf("%d %q, %v", a.Status, a.Body, err)
	}
}
