package activator

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/sluice-dev/sluice/runtime/proxy"
	"github.com/sluice-dev/sluice/schema/contract"
)

// newActivator builds an Activator whose Run ends, and is waited for, with the test.
func newActivator(t testing.TB, cfg Config) *Activator {
	t.Helper()
	if cfg.Proxy == nil {
		cfg.Proxy = proxy.New(proxy.Config{})
	}
	a := New(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = a.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return a
}

// podAt is a Pod of revision hello-1 whose declared port 8080 listens at addr.
func podAt(name, addr string, ready bool, l contract.Limits) *corev1.Pod {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		panic(err)
	}
	n, _ := strconv.Atoi(port)
	l.Port = 8080
	limits, _ := json.Marshal(l)
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "default", Name: name, UID: types.UID("uid-" + name),
			Labels: map[string]string{contract.LabelRevision: "hello-1", contract.LabelService: "hello"},
			Annotations: map[string]string{
				contract.AnnotationLimits: string(limits),
				contract.AnnotationPorts:  fmt.Sprintf(`{"8080":%d}`, n),
			},
		},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{
			Name:  "app",
			Ports: []corev1.ContainerPort{{Name: "http1", ContainerPort: 8080}},
			// Only Kubernetes can make this probe: a pod is usable when a test says so.
			ReadinessProbe: &corev1.Probe{ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"true"}}}},
		}}},
		Status: corev1.PodStatus{Phase: corev1.PodRunning, PodIP: host},
	}
	setReady(p, ready)
	return p
}

func setReady(p *corev1.Pod, ready bool) *corev1.Pod {
	status := corev1.ConditionFalse
	if ready {
		status = corev1.ConditionTrue
	}
	p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: status}}
	return p
}

func httpProbe(p *corev1.Pod, path string) *corev1.Pod {
	p.Spec.Containers[0].ReadinessProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: path, Port: intstr.FromInt32(8080)}}}
	return p
}

func backend(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s.Listener.Addr().String()
}

// before serves a with the headers of revision hello-1.
func before(t testing.TB, a *Activator) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name(r)
		a.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

// name sets what the gateway sets.
func name(r *http.Request) *http.Request {
	r.Header.Set(contract.HeaderNamespace, "default")
	r.Header.Set(contract.HeaderRevision, "hello-1")
	return r
}

func client(t testing.TB) *http.Client {
	t.Helper()
	tr := &http.Transport{MaxIdleConnsPerHost: 100}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

type answer struct {
	status int
	body   string
	header http.Header
	last   bool // the connection is not to be used again
	err    error
}

// get asks url; the answer comes on the channel.
func get(ctx context.Context, c *http.Client, url string) <-chan answer {
	out := make(chan answer, 1)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		panic(err)
	}
	go func() {
		res, err := c.Do(req)
		if err != nil {
			out <- answer{err: err}
			return
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		out <- answer{res.StatusCode, string(b), res.Header, res.Close, err}
	}()
	return out
}

var hello = Key{"default", "hello-1"}

// until waits for what the revision's load has to be. Nothing announces a
// load, so it is asked for again and again.
func until(t testing.TB, a *Activator, what string, ok func(Load) bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		var l Load
		if v := a.revisions.find(hello); v != nil {
			l = v.load()
		}
		if ok(l) {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("never %s: %+v", what, l)
		case <-time.After(200 * time.Microsecond):
		}
	}
}

func queued(n int) func(Load) bool { return func(l Load) bool { return l.Queued == n } }

// gate is an app that holds each request until it is let go.
type gate struct {
	mu       sync.Mutex
	now, max int
	order    []string
	arrived  chan string
	open     chan struct{}
}

func newGate() *gate {
	return &gate{arrived: make(chan string, 10000), open: make(chan struct{})}
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	g.now++
	g.max = max(g.max, g.now)
	g.order = append(g.order, r.URL.Path)
	g.mu.Unlock()
	g.arrived <- r.URL.Path
	select {
	case <-g.open:
	case <-r.Context().Done():
	}
	g.mu.Lock()
	g.now--
	g.mu.Unlock()
	_, _ = io.WriteString(w, "done")
}
