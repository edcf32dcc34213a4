package e2e

import (
	"strings"
	"testing"
)

// Apps call one another by the names that the cluster gives them, asleep or
// not, and cluster-local ones are called in no other way.
func TestInside_AppsCallOneAnotherByName(t *testing.T) {
	if under.node == "process" {
		t.Skip("pods that are processes have no cluster DNS: run this with SLUICE_E2E_NODE=kubelet, or on a cluster by KUBECONFIG")
	}
	c := newClone(t)
	c.serve(
		app{name: "caller", target: "caller"},
		app{name: "called", target: "called", annotations: sleepy()},
		app{name: "private", target: "private", annotations: sleepy(), labels: map[string]any{"networking.knative.dev/visibility": "cluster-local"}},
	)
	for _, url := range []string{"called.default.svc.cluster.local", "called.default", "private.default.svc.cluster.local"} {
		name, _, _ := strings.Cut(url, ".")
		allAre(t, []answer{fetch(host("caller") + "/call?url=http://" + url + "/work")}, name)
	}
	if a := fetch(host("private") + "/work"); a.code != 404 {
		t.Errorf("from outside: %s, want 404", a)
	}
	if a := fetch("private.default.svc.cluster.local/work"); a.code != 404 {
		t.Errorf("from outside, by its name inside: %s, want 404", a)
	}
}
