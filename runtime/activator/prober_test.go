package activator

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/sluice-dev/sluice/schema/contract"
)

func ready(n int) func(Load) bool { return func(l Load) bool { return l.Ready == n } }

func TestProber_APodIsUsableBeforeKubernetesSaysSo(t *testing.T) {
	var healthy atomic.Bool
	var probes atomic.Int64
	addr := backend(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" {
			probes.Add(1)
			if r.Header.Get("X-Probe") != "yes" || r.Host != "probe.example" || !healthy.Load() {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			return
		}
		_, _ = io.WriteString(w, "served")
	})
	a := newActivator(t, Config{})
	pod := httpProbe(podAt("p", addr, false, contract.Limits{}), "/healthz")
	pod.Spec.Containers[0].ReadinessProbe.HTTPGet.HTTPHeaders = []corev1.HTTPHeader{{Name: "X-Probe", Value: "yes"}, {Name: "Host", Value: "probe.example"}}
	a.SetPod(pod)
	got := get(t.Context(), client(t), before(t, a).URL)
	until(t, a, "queued", queued(1))
	for probes.Load() < 3 { // asked again and again, and refused
		until(t, a, "not ready", ready(0))
	}
	healthy.Store(true)
	if g := <-got; g.body != "served" {
		t.Errorf("%+v", g)
	}
}

func TestProber_TCPIsTheDefault(t *testing.T) {
	a := newActivator(t, Config{})
	pod := podAt("p", backend(t, func(http.ResponseWriter, *http.Request) {}), false, contract.Limits{})
	pod.Spec.Containers[0].ReadinessProbe = nil
	a.SetPod(pod)
	until(t, a, "usable", ready(1))
}

func TestProber_GRPCHealthIsUnderstood(t *testing.T) {
	var status atomic.Int64
	var asked sync.Map
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked.Store(fmt.Sprintf("%s %s %s %q", r.Method, r.URL.Path, r.Header.Get("Content-Type"), body), true)
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Trailer", "Grpc-Status")
		_, _ = w.Write([]byte{0, 0, 0, 0, 2, 8, byte(status.Load())})
		w.Header().Set("Grpc-Status", "0")
	}))
	var only http.Protocols
	only.SetUnencryptedHTTP2(true)
	srv.Config.Protocols = &only
	srv.Start()
	defer srv.Close()
	service := "svc"
	pod := podAt("p", srv.Listener.Addr().String(), false, contract.Limits{})
	pod.Spec.Containers[0].ReadinessProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{GRPC: &corev1.GRPCAction{Port: 8080, Service: &service}}}
	e, err := readEndpoint(pod)
	if err != nil || !e.probeable || len(e.checks) != 1 {
		t.Fatalf("%+v %v", e, err)
	}
	status.Store(2) // NOT_SERVING
	if err := e.checks[0].try(t.Context()); err == nil {
		t.Error("a server that does not serve passed")
	}
	status.Store(1)
	if err := e.checks[0].try(t.Context()); err != nil {
		t.Error(err)
	}
	const want = `POST /grpc.health.v1.Health/Check application/grpc "\x00\x00\x00\x00\x05\n\x03svc"`
	if _, ok := asked.Load(want); !ok {
		asked.Range(func(k, _ any) bool { t.Errorf("asked %v, want %s", k, want); return true })
	}
}

func TestProber_SuccessesHaveToComeInARow(t *testing.T) {
	answers := []int{200, 503, 200, 200, 200}
	var mu sync.Mutex
	n := 0
	addr := backend(t, func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		w.WriteHeader(answers[min(n, len(answers)-1)])
		n++
	})
	a := newActivator(t, Config{})
	pod := httpProbe(podAt("p", addr, false, contract.Limits{}), "/")
	pod.Spec.Containers[0].ReadinessProbe.SuccessThreshold = 3
	a.SetPod(pod)
	until(t, a, "usable", ready(1))
	mu.Lock()
	defer mu.Unlock()
	if n != 5 {
		t.Errorf("usable after %d probes, want 5", n)
	}
}

func TestReadChecks_WhatOnlyKubernetesKnowsIsLeftToIt(t *testing.T) {
	plain := func() *corev1.Pod { return httpProbe(podAt("p", "10.0.0.1:40000", false, contract.Limits{}), "x") }
	for _, c := range []struct {
		name   string
		change func(*corev1.Pod)
		want   []string // addresses or URLs; nil: not probeable
	}{
		{"httpGet; a path without slash", func(*corev1.Pod) {}, []string{"http://10.0.0.1:40000/x"}},
		{"named port, https", func(p *corev1.Pod) {
			get := p.Spec.Containers[0].ReadinessProbe.HTTPGet
			get.Port, get.Scheme, get.Path = intstr.FromString("http1"), corev1.URISchemeHTTPS, "/y?z"
		}, []string{"https://10.0.0.1:40000/y?z"}},
		{"port zero is the serving one", func(p *corev1.Pod) { p.Spec.Containers[0].ReadinessProbe.HTTPGet.Port = intstr.FromInt32(0) }, []string{"http://10.0.0.1:40000/x"}},
		{"another port is not mapped", func(p *corev1.Pod) { p.Spec.Containers[0].ReadinessProbe.HTTPGet.Port = intstr.FromInt32(9000) }, []string{"http://10.0.0.1:9000/x"}},
		{"tcpSocket", func(p *corev1.Pod) {
			p.Spec.Containers[0].ReadinessProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt32(8080)}}}
		}, []string{"10.0.0.1:40000"}},
		{"a sidecar's probe counts too", func(p *corev1.Pod) {
			p.Spec.Containers = append(p.Spec.Containers, corev1.Container{ReadinessProbe: &corev1.Probe{ProbeHandler: corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt32(1)}}}})
		}, []string{"http://10.0.0.1:40000/x", "10.0.0.1:1"}},
		{"exec", func(p *corev1.Pod) {
			p.Spec.Containers[0].ReadinessProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{}}}
		}, nil},
		{"a readiness gate", func(p *corev1.Pod) { p.Spec.ReadinessGates = []corev1.PodReadinessGate{{ConditionType: "x"}} }, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := plain()
			c.change(p)
			e, err := readEndpoint(p)
			if err != nil || e.probeable != (c.want != nil) {
				t.Fatalf("%+v %v", e, err)
			}
			for i, ck := range e.checks {
				if got := orElse(ck.url, ck.addr); got != c.want[i] {
					t.Errorf("check %d: %s, want %s", i, got, c.want[i])
				}
			}
		})
	}
}

func TestReadEndpoint_FindsTheAddress(t *testing.T) {
	for _, c := range []struct {
		name          string
		ip            string
		limits, ports string
		want          string
		bad           bool
	}{
		{"mapped", "10.0.0.1", `{"port":8080}`, `{"8080":41234}`, "10.0.0.1:41234", false},
		{"not mapped", "10.0.0.1", `{"port":8080}`, ``, "10.0.0.1:8080", false},
		{"another port is mapped", "10.0.0.1", `{"port":8080}`, `{"9090":41234}`, "10.0.0.1:8080", false},
		{"IPv6", "fd00::1", `{"port":8080}`, ``, "[fd00::1]:8080", false},
		{"no address yet", "", `{"port":8080}`, ``, "", false},
		{"no limits: the declared port", "10.0.0.1", ``, ``, "10.0.0.1:8081", false},
		{"limits that are no JSON", "10.0.0.1", `{`, ``, "10.0.0.1:8081", true},
		{"a negative limit", "10.0.0.1", `{"port":8080,"containerConcurrency":-1}`, ``, "10.0.0.1:8081", true},
		{"a port out of range", "10.0.0.1", `{"port":8080}`, `{"8080":70000}`, "10.0.0.1:8080", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := podAt("p", "10.0.0.1:1", true, contract.Limits{})
			p.Status.PodIP = c.ip
			p.Spec.Containers[0].Ports[0].ContainerPort = 8081
			p.Annotations = map[string]string{contract.AnnotationLimits: c.limits, contract.AnnotationPorts: c.ports}
			e, err := readEndpoint(p)
			if e.addr != c.want || (err != nil) != c.bad {
				t.Errorf("%q %v", e.addr, err)
			}
		})
	}
}

func FuzzReadEndpoint(f *testing.F) {
	f.Add(`{"port":8080}`, `{"8080":1}`, "10.0.0.1")
	f.Add(`{"port":-8080,"containerConcurrency":1e9}`, `[]`, "x")
	f.Fuzz(func(t *testing.T, limits, ports, ip string) {
		p := podAt("p", "10.0.0.1:1", true, contract.Limits{})
		p.Status.PodIP = ip
		p.Annotations = map[string]string{contract.AnnotationLimits: limits, contract.AnnotationPorts: ports}
		e, _ := readEndpoint(p)
		if e.addr != "" {
			if _, _, err := net.SplitHostPort(e.addr); err != nil && ip != "" && net.ParseIP(ip) != nil {
				t.Errorf("%q: %v", e.addr, err)
			}
		}
		if e.limits.ContainerConcurrency < 0 || e.limits.Port < 1 || e.limits.Port > 65535 {
			t.Errorf("%+v", e.limits)
		}
	})
}

func FuzzServing(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 2, 8, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		if serving(b) && len(b) < 7 {
			t.Errorf("%v", b)
		}
	})
}
