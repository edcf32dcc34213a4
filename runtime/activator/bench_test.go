package activator

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-dev/sluice/runtime/proxy"
	"github.com/sluice-dev/sluice/schema/contract"
)

// plain answers every request on a connection with the same bytes: an app that
// costs next to nothing, so that the hop is what is measured.
func plain(b *testing.B) string {
	b.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	answer := []byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nDate: Mon, 23 Nov 2026 07:00:00 GMT\r\nContent-Length: 13\r\n\r\nHello, World!")
	var wg sync.WaitGroup
	var conns sync.Map
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			conns.Store(c, true)
			wg.Go(func() {
				defer c.Close()
				br := bufio.NewReader(c)
				for {
					line, err := br.ReadSlice('\n')
					if err != nil {
						return
					}
					if len(line) == 2 {
						_, _ = c.Write(answer)
					}
				}
			})
		}
	})
	b.Cleanup(func() {
		_ = ln.Close()
		conns.Range(func(c, _ any) bool { return c.(net.Conn).Close() == nil || true })
		wg.Wait()
	})
	return ln.Addr().String()
}

// blank is a ResponseWriter that keeps nothing.
type blank struct{ h http.Header }

func (w *blank) Header() http.Header         { return w.h }
func (w *blank) WriteHeader(int)             {}
func (w *blank) Write(b []byte) (int, error) { return len(b), nil }

func benchRequest() *http.Request {
	r := name(httptest.NewRequest("GET", "/", nil))
	r.Host = "hello.default.localhost:8080"
	r.Header["User-Agent"], r.Header["Accept"] = []string{"wrk"}, []string{"*/*"}
	// As net/http does for a server's requests.
	ctx, cancel := context.WithCancel(context.WithValue(context.Background(), http.ServerContextKey, 1))
	_ = cancel
	return r.WithContext(ctx)
}

func BenchmarkHandler(b *testing.B) {
	run := func(b *testing.B, h http.Handler) {
		b.ReportAllocs()
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			r := benchRequest()
			for pb.Next() {
				w := &blank{h: make(http.Header, 8)}
				h.ServeHTTP(w, r)
				if len(w.h) == 0 {
					b.Fail()
				}
			}
		})
	}
	b.Run("activator", func(b *testing.B) {
		a := newActivator(b, Config{Proxy: proxy.New(proxy.Config{})})
		a.SetPod(podAt("p", plain(b), true, contract.Limits{ContainerConcurrency: 100}))
		run(b, a)
	})
	b.Run("ReverseProxy", func(b *testing.B) { // what it is compared with
		tr := &http.Transport{MaxIdleConnsPerHost: 100}
		defer tr.CloseIdleConnections()
		target := &url.URL{Scheme: "http", Host: plain(b)}
		run(b, &httputil.ReverseProxy{Transport: tr, FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target); r.SetXForwarded() }})
	})
}

// BenchmarkSetPod is one pod among many that becomes ready, or is ready no more.
func BenchmarkSetPod(b *testing.B) {
	for _, n := range []int{10, 1000} {
		b.Run(fmt.Sprint(n, " pods"), func(b *testing.B) {
			a := newActivator(b, Config{Proxy: proxy.New(proxy.Config{})})
			for i := range n {
				a.SetPod(podAt(fmt.Sprint("p", i), "127.0.0.1:1", true, contract.Limits{ContainerConcurrency: 10}))
			}
			change := []*corev1.Pod{
				podAt("p7", "127.0.0.1:1", false, contract.Limits{ContainerConcurrency: 10}),
				podAt("p7", "127.0.0.1:1", true, contract.Limits{ContainerConcurrency: 10}),
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				a.SetPod(change[i%2])
			}
		})
	}
}
