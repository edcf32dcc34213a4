package peer

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sluice-dev/sluice/runtime/activator"
	"github.com/sluice-dev/sluice/runtime/proxy"
	"github.com/sluice-dev/sluice/schema/contract"
)

// crowd is some activators, each at an address of its own.
type crowd struct {
	t    testing.TB
	port int
	pods []*corev1.Pod // of the app
	all  map[string]*one
}

// one is an activator: peers, the activator itself, and where clients come in.
type one struct {
	name  string
	addr  netip.Addr
	peers *Peers
	act   *activator.Activator
	front *httptest.Server
	admin *http.Server
	end   func()
}

func newCrowd(t testing.TB) *crowd {
	t.Helper()
	for { // below the ports that the system gives to those who connect
		port := 20000 + rand.IntN(10000)
		ln, err := net.Listen("tcp", fmt.Sprint(":", port))
		if err == nil {
			_ = ln.Close()
			return &crowd{t: t, port: port, all: map[string]*one{}}
		}
	}
}

// activatorPod is the Pod of the activator.
func (o *one) activatorPod() *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: contract.Namespace, Name: o.name}, Status: corev1.PodStatus{PodIP: o.addr.String()}}
}

// join starts an activator and tells it and the others of each other.
func (c *crowd) join(n int) *one {
	c.t.Helper()
	o := &one{name: fmt.Sprintf("activator-%d", n), addr: netip.AddrFrom4([4]byte{127, 66, 0, byte(n)})}
	var err error
	if o.peers, err = New(Config{Self: o.name, From: o.addr, Port: c.port}); err != nil {
		c.t.Fatal(err)
	}
	o.act = activator.New(activator.Config{Proxy: proxy.New(proxy.Config{}), Owners: o.peers.Owner})
	ln, err := net.Listen("tcp", net.JoinHostPort(o.addr.String(), strconv.Itoa(c.port)))
	if err != nil {
		c.t.Fatal(err)
	}
	o.admin = &http.Server{Handler: o.peers, ReadHeaderTimeout: time.Second}
	o.front = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set(contract.HeaderNamespace, "default")
		r.Header.Set(contract.HeaderRevision, "hello-1")
		o.act.ServeHTTP(w, r)
	}))
	ctx, cancel := context.WithCancel(context.Background())
	ready := make(chan struct{})
	close(ready)
	var work sync.WaitGroup
	work.Go(func() { _ = o.act.Run(ctx) })
	work.Go(func() { _ = o.peers.Run(ctx, o.act, ready) })
	work.Go(func() { _ = o.admin.Serve(ln) })
	o.end = sync.OnceFunc(func() { // as a process dies: all of its connections at once
		_ = o.admin.Close()
		cancel()
		o.front.CloseClientConnections()
		work.Wait()
		o.front.Close()
	})
	c.t.Cleanup(o.end)
	for _, p := range c.pods {
		o.act.SetPod(p)
	}
	for _, other := range c.all {
		other.peers.SetPod(o.activatorPod())
		o.peers.SetPod(other.activatorPod())
	}
	c.all[o.name] = o
	return o
}

// setPod tells all activators of a pod of the app.
func (c *crowd) setPod(name, addr string, concurrency int) {
	host, port, _ := net.SplitHostPort(addr)
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "default", Name: name, UID: types.UID(name),
			Labels: map[string]string{contract.LabelRevision: "hello-1", contract.LabelService: "hello"},
			Annotations: map[string]string{
				contract.AnnotationLimits: fmt.Sprintf(`{"port":8080,"protocol":"http1","containerConcurrency":%d}`, concurrency),
				contract.AnnotationPorts:  fmt.Sprintf(`{"8080":%s}`, port),
			},
		},
		Status: corev1.PodStatus{Phase: corev1.PodRunning, PodIP: host, Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}},
	}
	c.pods = append(c.pods, p)
	for _, o := range c.all {
		o.act.SetPod(p)
	}
}

var hello = activator.Key{Namespace: "default", Revision: "hello-1"}

// agree waits until all see the same n members and have settled.
func (c *crowd) agree(n int) {
	c.t.Helper()
	until(c.t, fmt.Sprint(n, " activators that agree"), func() bool {
		views := map[uint64]bool{}
		for _, o := range c.all {
			v := o.peers.view.Load()
			o.peers.mu.Lock()
			settled := o.peers.patience == nil
			o.peers.mu.Unlock()
			if len(v.members) != n || !settled {
				return false
			}
			views[v.hash] = true
		}
		return len(views) == 1
	})
}

// owner is the one that owns hello-1, other one that does not.
func (c *crowd) owner() (owner, other *one) {
	for _, o := range c.all {
		if o.peers.Owner(hello) == nil {
			owner = o
		} else {
			other = o
		}
	}
	return owner, other
}

// until waits for what nothing announces.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("never %s", what)
		}
		time.Sleep(200 * time.Microsecond)
	}
}

// queued is how many requests wait in the one line.
func (c *crowd) queued() (n int) {
	for _, o := range c.all {
		for _, l := range o.act.Loads() {
			n += l.Line
		}
	}
	return n
}

// gate is an app that lets each request go when it is told to.
type gate struct {
	mu       sync.Mutex
	now, max int
	order    []string
	open     chan struct{}
	came     chan string
}

func newGate() *gate { return &gate{open: make(chan struct{}), came: make(chan string, 10000)} }

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	g.now++
	g.max = max(g.max, g.now)
	g.order = append(g.order, r.URL.Path)
	g.mu.Unlock()
	g.came <- r.URL.Path
	select {
	case <-g.open:
	case <-r.Context().Done():
	}
	g.mu.Lock()
	g.now--
	g.mu.Unlock()
	_, _ = io.WriteString(w, "done")
}

func (g *gate) most() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.max
}

func serve(t testing.TB, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s.Listener.Addr().String()
}

// get asks an activator; what came of it is sent.
func (o *one) get(t testing.TB, path string) <-chan string {
	t.Helper()
	out := make(chan string, 1)
	tr := &http.Transport{DisableKeepAlives: true}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, o.front.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		defer cancel()
		res, err := tr.RoundTrip(req)
		if err != nil {
			out <- err.Error()
			return
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			out <- err.Error()
			return
		}
		out <- fmt.Sprintf("%d %s", res.StatusCode, b)
	}()
	return out
}

func want(t testing.TB, out <-chan string, text string) {
	t.Helper()
	select {
	case got := <-out:
		if got != text {
			t.Errorf("got %q, want %q", got, text)
		}
	case <-time.After(20 * time.Second):
		t.Error("no answer")
	}
}
