package channel

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
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
// handler, over loopback HTTP, all in this process: until all are delivered. The
// peer is the simplest thing that fans events out, on net/http alone: it keeps
// nothing, and answers when all subscribers have.
func BenchmarkChannel(b *testing.B) {
	for _, kind := range []string{"memory", "peer"} {
		for _, subs := range []int{1, 10} {
			for _, senders := range []int{1, 64} {
				b.Run(fmt.Sprintf("%s/subscribers=%d/c=%d", kind, subs, senders), func(b *testing.B) { benchChannel(b, kind, subs, senders) })
			}
		}
	}
}

func benchChannel(b *testing.B, kind string, subs, senders int) {
	var got atomic.Int64
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		got.Add(1)
		w.WriteHeader(http.StatusAccepted)
	}))
	defer target.Close()
	var ingress http.Handler = fanOut(target.URL, subs)
	if kind == "memory" {
		specs := []any{orders()}
		for i := range subs {
			specs = append(specs, subscription(fmt.Sprintf("s%d", i), target.URL))
		}
		ingress = start(b, Config{}, newDriver(), specs...).Ingress()
	}
	server := httptest.NewServer(ingress)
	defer server.Close()
	client := post.New(post.Config{Dial: post.Via(server.Listener.Addr().String())})
	defer client.Close()
	to, err := client.Target(contract.Destination{URL: contract.ChannelURL("shop", "orders")})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	began, cpu := time.Now(), cpuTime(b)
	sendAll(b, to, senders)
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

// sendAll has senders send b.N events, each its next when the last was taken.
func sendAll(b *testing.B, to *post.Target, senders int) {
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
				a, err := to.Post(context.Background(), &e, "", 0)
				if err != nil || a.Status != http.StatusAccepted {
					b.Errorf("got %d %s, %v", a.Status, a.Body, err)
					return
				}
			}
		})
	}
	wg.Wait()
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
