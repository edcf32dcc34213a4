package e2e

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sluice-dev/sluice/schema/contract"
)

// The activator writes a line for each request, and sends a span to a collector.
func TestWitness_ARequestIsLoggedAndTraced(t *testing.T) {
	needLoopback(t)
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	id, err := hex.DecodeString(trace)
	check(t, err)
	spans := make(chan []byte, 100)
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if b, err := io.ReadAll(r.Body); err == nil && r.URL.Path == "/v1/traces" {
			spans <- b
		}
	}))
	t.Cleanup(collector.Close)

	c := newClone(t)
	c.serve(app{name: "witnessed"})
	pod := withFlags(t, contract.Activator, "--request-log=json", "--traces="+collector.URL)
	parent := "00-" + trace + "-00f067aa0ba902b7-01"
	s := see(t, host("witnessed"), map[string]string{"Traceparent": parent, "User-Agent": "e2e"})
	if got := strings.Join(s.Headers["Traceparent"], ""); !strings.HasPrefix(got, "00-"+trace+"-") || got == parent {
		t.Errorf("the app hears traceparent %q, want another span of %s", got, trace)
	}
	await(t, "a line of it", func() string {
		for line := range bytes.Lines(logOf(t, pod)) {
			var l struct{ Namespace, Revision, Method, Host, Trace, UserAgent string }
			if json.Unmarshal(line, &l) == nil && l.Trace == trace && l.Namespace == "default" && strings.HasPrefix(l.Revision, "witnessed-") && l.Method == "GET" && l.Host == host("witnessed") && l.UserAgent == "e2e" {
				return "a line of it"
			}
		}
		return "no line"
	})
	for {
		select {
		case b := <-spans:
			if bytes.Contains(b, id) && bytes.Contains(b, []byte("sluice-activator")) {
				return
			}
		case <-t.Context().Done():
			t.Fatal("no span of the request")
		}
	}
}

// withFlags gives a part of the platform more flags for the length of a test, and
// returns the pod that has them.
func withFlags(t *testing.T, part string, flags ...string) corev1.Pod {
	t.Helper()
	deployments := kubeClient(t).AppsV1().Deployments(contract.Namespace)
	d, err := deployments.Get(t.Context(), part, metav1.GetOptions{})
	check(t, err)
	before := d.Spec.Template.Spec.Containers[0].Args
	set := func(args []string) {
		value, err := json.Marshal(args)
		check(t, err)
		patch := fmt.Appendf(nil, `[{"op": "replace", "path": "/spec/template/spec/containers/0/args", "value": %s}]`, value)
		_, err = deployments.Patch(context.Background(), part, types.JSONPatchType, patch, metav1.PatchOptions{}) //nolint:usetesting // also in cleanups
		check(t, err)
	}
	t.Cleanup(func() { set(before) })
	args := append(before[:len(before):len(before)], flags...)
	set(args)
	var pod corev1.Pod
	await(t, "ready with "+strings.Join(flags, " "), func() string {
		pods := partPods(t, part)
		if len(pods) == 1 && slices.Equal(pods[0].Spec.Containers[0].Args, args) && isReady(&pods[0]) { // the old one is gone
			pod = pods[0]
			return "ready with " + strings.Join(flags, " ")
		}
		return fmt.Sprint(len(pods), " pods")
	})
	return pod
}

func logOf(t *testing.T, pod corev1.Pod) []byte {
	t.Helper()
	b, err := kubeClient(t).CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{}).DoRaw(t.Context())
	check(t, err)
	return b
}
