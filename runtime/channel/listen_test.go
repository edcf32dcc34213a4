package channel

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestServer_AnswersAsTheIngressDoes posts over a connection what the ingress is
// handed otherwise: plain requests and others get the same answers.
func TestServer_AnswersAsTheIngressDoes(t *testing.T) {
	small := orders()
	small.MaxBytes = 100
	sub := newSubscriber(t, nil)
	w := start(t, Config{}, newDriver(), small, subscription("s", sub.URL))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := w.Server()
	go func() { _ = server.Serve(l) }()
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = server.Shutdown(ctx)
	}()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for _, row := range []struct {
		name, method, host, path string
		header                   http.Header
		body                     string
	}{
		{"an event", "POST", "orders-channel.shop", "/", minimal("traceparent", "00-01-02-01"), "x"},
		{"a structured event", "POST", "orders-channel.shop", "/", headers("content-type", "application/cloudevents+json"), `{"specversion":"1.0","id":"2","source":"/s","type":"t"}`},
		{"no event", "POST", "orders-channel.shop", "/", headers(), "x"},
		{"too large", "POST", "orders-channel.shop", "/", minimal(), strings.Repeat("x", 101)},
		{"a path", "POST", "orders-channel.shop", "/x", minimal(), "x"},
		{"nobody", "POST", "nobody", "/", minimal(), "x"},
		{"GET", "GET", "orders-channel.shop", "/", minimal(), ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), row.method, "http://"+l.Addr().String()+row.path, strings.NewReader(row.body))
			if err != nil {
				t.Fatal(err)
			}
			r.Host, r.Header = row.host, row.header
			got, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer got.Body.Close()
			text, _ := io.ReadAll(got.Body)
			want := w.post(row.method, "http://"+row.host+row.path, row.header, row.body)
			wanted, _ := io.ReadAll(want.Body)
			if got.StatusCode != want.StatusCode || string(text) != string(wanted) || got.Header.Get("Content-Type") != want.Header.Get("Content-Type") {
				t.Errorf("got %d %s %v, want %d %s %v", got.StatusCode, text, got.Header, want.StatusCode, wanted, want.Header)
			}
		})
	}
	w.await("both ways delivered", func() bool { sub.mu.Lock(); defer sub.mu.Unlock(); return len(sub.got) == 4 })
	if parent, _ := sub.got[0].Attribute("traceparent"); parent != "00-01-02-01" {
		t.Errorf("trace context %q", parent)
	}
	if in, refused := w.table.Load().refs[small.Ref].count.in.Load(), w.table.Load().refs[small.Ref].count.refused.Load(); in != 4 || refused != 6 {
		t.Errorf("%d in, %d refused", in, refused)
	}
}
