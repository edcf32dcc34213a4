package channel

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/runtime/channel/post"
	"github.com/sluice-dev/sluice/runtime/cloudevents"
	"github.com/sluice-dev/sluice/schema/contract"
)

// payload is what every event of the benchmarks carries: 256 bytes.
var payload = []byte(`{"text":"` + strings.Repeat("x", 245) + `"}`)

// BenchmarkChannel measures events from a sender's POST to the subscriber's
// answer, over loopback HTTP, all in this process: until all are delivered.
// Sender and subscriber do as little as they can, or are net/http's, as the ends
// say. The peer is the simplest thing that fans events out, on net/http alone: it
// keeps nothing, and answers when all subscribers have.
func BenchmarkChannel(b *testing.B) {
	for _, ends := range []string{"lean", "nethttp"} {
		for _, subs := range []int{1, 10} {
			for _, senders := range []int{1, 64} {
				for _, kind := range []string{"memory", "peer"} {
					b.Run(fmt.Sprintf("ends=%s/subscribers=%d/c=%d/%s", ends, subs, senders, kind), func(b *testing.B) { benchChannel(b, ends, kind, subs, senders) })
				}
			}
		}
	}
}

func benchChannel(b *testing.B, ends, kind string, subs, senders int) {
	var got atomic.Int64
	target := newSink(b, ends, &got)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	if kind == "memory" {
		specs := []any{orders()}
		for i := range subs {
			specs = append(specs, subscription(fmt.Sprintf("s%d", i), target))
		}
		server := start(b, Config{}, newDriver(), specs...).Server()
		go func() { _ = server.Serve(l) }() // ends with Shutdown
		defer func() { _ = server.Shutdown(b.Context()) }()
	} else {
		server := &http.Server{Handler: fanOut(target, subs)}
		go func() { _ = server.Serve(l) }()
		defer server.Close()
	}
	send, done := newSender(b, ends, l.Addr().String())
	defer done()
	b.ReportAllocs()
	b.ResetTimer()
	began, cpu := time.Now(), cpuTime(b)
	sendAll(b, send, senders)
	for want := int64(b.N * subs); got.Load() < want; {
		runtime.Gosched()
		time.Sleep(100 * time.Microsecond)
	}
	took := time.Since(began).Seconds()
	b.ReportMetric(float64(b.N)/took, "events/s")
	// What a busy machine does not change: sender and subscriber are in it too.
	b.ReportMetric(float64((cpuTime(b)-cpu).Microseconds())/float64(b.N*subs), "cpu-µs/delivery")
	b.ReportMetric(float64(b.N*subs)/took, "deliveries/s")
}

// cpuTime is what this process has used of the processors.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// newSender returns what sends one event and gives the answer's status.
func newSender(b *testing.B, ends, addr string) (send func(*cloudevents.Event) (int, error), done func()) {
	b.Helper()
	if ends == "nethttp" {
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1000}}
		return func(e *cloudevents.Event) (int, error) {
			req, err := http.NewRequest(http.MethodPost, "http://"+addr+"/", bytes.NewReader(e.Data))
			if err != nil {
				return 0, err
			}
			req.Host = contract.ChannelHost("shop", "orders")
			e.SetHeaders(req.Header)
			resp, err := client.Do(req)
			if err != nil {
				return 0, err
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			return resp.StatusCode, resp.Body.Close()
		}, client.CloseIdleConnections
	}
	client := post.New(post.Config{Dial: post.Via(addr)})
	to, err := client.Target(contract.Destination{URL: contract.ChannelURL("shop", "orders")})
	if err != nil {
		b.Fatal(err)
	}
	return func(e *cloudevents.Event) (int, error) {
		a, err := to.Post(context.Background(), e, "", 0)
		return a.Status, err
	}, client.Close
}

// sendAll has senders send b.N events, each its next when the last was taken.
func sendAll(b *testing.B, send func(*cloudevents.Event) (int, error), senders int) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range senders {
		wg.Go(func() {
			for {
				n := next.Add(1)
				if n > int64(b.N) {
					return
				}
				e := cloudevents.Event{ID: fmt.Sprint(n), Source: "/bench", Type: "thing", Time: "2026-01-02T03:04:05Z"}
				e.SetData("application/json", payload)
				if status, err := send(&e); err != nil || status != http.StatusAccepted {
					b.Errorf("got %d, %v", status, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// newSink is a subscriber that counts, and answers 202. The end of the benchmark
// ends it.
func newSink(b *testing.B, ends string, got *atomic.Int64) string {
	b.Helper()
	if ends == "nethttp" {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			got.Add(1)
			w.WriteHeader(http.StatusAccepted)
		}))
		b.Cleanup(s.Close)
		return s.URL
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	var wg sync.WaitGroup
	b.Cleanup(func() { _ = l.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			stop := context.AfterFunc(b.Context(), func() { _ = c.Close() }) // the context ends before Cleanup
			wg.Go(func() {
				defer stop()
				defer c.Close()
				swallow(c, got)
			})
		}
	})
	return "http://" + l.Addr().String()
}

// swallow answers requests whose head comes in one piece, as they do here.
func swallow(c net.Conn, got *atomic.Int64) {
	answer := []byte("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
	buf := make([]byte, 8<<10)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		end := bytes.Index(buf[:n], []byte("\r\n\r\n"))
		_, after, found := bytes.Cut(bytes.ToLower(buf[:max(end, 0)]), []byte("content-length: "))
		line, _, _ := bytes.Cut(after, []byte("\r\n"))
		length, err := strconv.Atoi(string(line))
		if !found || err != nil {
			panic(fmt.Sprintf("no plain request: %q", buf[:n]))
		}
		for n < end+4+length {
			more, err := c.Read(buf[n:])
			if err != nil {
				return
			}
			n += more
		}
		got.Add(1)
		if _, err := c.Write(answer); err != nil {
			return
		}
	}
}

// fanOut posts what it gets to all subscribers at once, and answers then.
func fanOut(url string, subs int) http.Handler {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1000}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var wg sync.WaitGroup
		for range subs {
			wg.Go(func() {
				req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
				if err != nil {
					return
				}
				req.Header = r.Header.Clone()
				if resp, err := client.Do(req); err == nil {
					_, _ = io.Copy(io.Discard, resp.Body)
					_ = resp.Body.Close()
				}
			})
		}
		wg.Wait()
		w.WriteHeader(http.StatusAccepted)
	})
}

// BenchmarkIdle tells what a thousand subscriptions cost that have nothing to do.
func BenchmarkIdle(b *testing.B) {
	for b.Loop() {
		before := inUse()
		specs := []any{orders()}
		for i := range 1000 {
			specs = append(specs, subscription(fmt.Sprintf("s%d", i), fmt.Sprintf("http://s%d.shop.svc.cluster.local/", i), func(s *contract.Subscription) {
				s.Filter = &contract.Filter{Exact: map[string]string{"type": fmt.Sprint("t", i)}}
			}))
		}
		w := start(b, Config{}, newDriver(), specs...)
		b.ReportMetric(float64(inUse()-before)/(1<<20), "MiB")
		w.stop()
	}
}

// inUse is heap and stacks, in bytes.
func inUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}
