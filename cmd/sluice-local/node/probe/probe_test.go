package probe

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// at is a target whose declared port 1 is the real port of an address.
func at(t *testing.T, address string) Target {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return Target{IP: host, Port: func(p intstr.IntOrString) (int32, error) {
		if p.IntVal != 1 {
			return 0, errors.New("no such port")
		}
		return int32(n), nil
	}}
}

func TestCheck_HTTPAnswersBelow400AreWell(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/away":
			http.Redirect(w, r, "http://elsewhere.invalid/", http.StatusFound)
		case r.Host != "hello" || r.Header.Get("X-Key") != "v" || r.URL.Query().Get("a") != "b" || !strings.HasPrefix(r.UserAgent(), "kube-probe/"):
			http.Error(w, "not as asked", http.StatusBadRequest)
		}
	}))
	defer server.Close()
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	target := at(t, u.Host)
	headers := []corev1.HTTPHeader{{Name: "Host", Value: "hello"}, {Name: "X-Key", Value: "v"}}
	for path, want := range map[string]string{"/ok?a=b": "", "ok?a=b": "", "/away": "", "/bad": "HTTP probe failed with statuscode: 400: not as asked"} {
		err := Check(t.Context(), target, corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: path, Port: intstr.FromInt32(1), HTTPHeaders: headers}})
		if err == nil && want != "" || err != nil && err.Error() != want {
			t.Errorf("%s: got %v", path, err)
		}
	}
}

func TestCheck_TCPIsWellWhereSomebodyListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	target := at(t, l.Addr().String())
	tcp := corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt32(1)}}
	if err := Check(t.Context(), target, tcp); err != nil {
		t.Error(err)
	}
	_ = l.Close()
	if err := Check(t.Context(), target, tcp); err == nil {
		t.Error("nobody listens, and all is well")
	}
	if err := Check(t.Context(), target, corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt32(2)}}); err == nil {
		t.Error("a port that is not there is well")
	}
}

func TestCheck_GRPCAsksTheNamedService(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server, services := grpc.NewServer(), health.NewServer()
	healthv1.RegisterHealthServer(server, services)
	services.SetServingStatus("sick", healthv1.HealthCheckResponse_NOT_SERVING)
	go func() { _ = server.Serve(l) }()
	defer server.Stop()
	for service, well := range map[string]bool{"": true, "sick": false, "unknown": false} {
		err := Check(t.Context(), at(t, l.Addr().String()), corev1.ProbeHandler{GRPC: &corev1.GRPCAction{Port: 1, Service: &service}})
		if (err == nil) != well {
			t.Errorf("%q: got %v", service, err)
		}
	}
}

func TestCheck_CommandIsWellWhenItExitsWithZero(t *testing.T) {
	code := 0
	target := Target{Exec: func(_ context.Context, args []string) (int, string, error) { return code, strings.Join(args, " "), nil }}
	exec := corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"is", "well"}}}
	if err := Check(t.Context(), target, exec); err != nil {
		t.Error(err)
	}
	code = 2
	if err := Check(t.Context(), target, exec); err == nil || err.Error() != "command exited with 2: is well" {
		t.Errorf("got %v", err)
	}
	if err := Check(t.Context(), target, corev1.ProbeHandler{}); err == nil {
		t.Error("a probe that asks nothing is well")
	}
}

func TestRhythm_IsQuickUntilTheFirstSuccess(t *testing.T) {
	r := &Rhythm{Period: 100 * time.Millisecond, First: 10 * time.Millisecond}
	var got []int64
	for _, ok := range []bool{false, false, false, false, false, false, true, false} {
		got = append(got, r.Next(ok).Milliseconds())
	}
	if diff := cmp.Diff([]int64{10, 20, 40, 80, 100, 100, 100, 100}, got); diff != "" {
		t.Error(diff)
	}
}
