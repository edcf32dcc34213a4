package node

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-dev/sluice/schema/contract"
)

// address is where a pod's port 8080 really is.
func address(t *testing.T, p *corev1.Pod) string {
	t.Helper()
	var ports map[string]int
	if err := json.Unmarshal([]byte(p.Annotations[contract.AnnotationPorts]), &ports); err != nil {
		t.Fatalf("annotation %q: %v", p.Annotations[contract.AnnotationPorts], err)
	}
	return fmt.Sprintf("%s:%d", p.Status.PodIP, ports["8080"])
}

func get(t *testing.T, p *corev1.Pod, path string) string {
	t.Helper()
	resp, err := http.Get("http://" + address(t, p) + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	http.DefaultClient.CloseIdleConnections()
	return string(body)
}

func TestPod_ServesOnItsOwnAddressAtThePortItWasTold(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"one", "two"} {
		w.create(serving(name))
	}
	one, two := w.awaitReady("one"), w.awaitReady("two")
	if one.Status.PodIP == two.Status.PodIP || address(t, one) == address(t, two) {
		t.Errorf("two pods at %s and %s", address(t, one), address(t, two))
	}
	for _, p := range []*corev1.Pod{one, two} {
		if got, want := get(t, p, "/"), "hello from "+p.Name+"\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		s := p.Status.ContainerStatuses[0]
		if s.State.Running == nil || !s.Ready || s.ImageID != "app@sha256:abc" || p.Status.Phase != corev1.PodRunning {
			t.Errorf("status: %s", describe(p))
		}
	}
}

func TestPod_DeletedPodIsAskedToEndAndThenLeavesTheAPI(t *testing.T) {
	w := newWorld(t)
	w.create(serving("one"))
	p := w.awaitReady("one")
	w.delete("one", 5)
	w.awaitGone("one")
	if _, err := http.Get("http://" + address(t, p)); err == nil {
		t.Error("it still answers")
	}
}

func TestPod_EndsWithItsContainersExitCode(t *testing.T) {
	w := newWorld(t)
	w.create(podOf("good", "print", "done"))
	w.create(podOf("bad", "exit", "7"))
	w.create(podOf("killed", "kill"))
	good := w.awaitPhase("good", corev1.PodSucceeded)
	if s := good.Status.ContainerStatuses[0].State.Terminated; s == nil || s.Reason != "Completed" || w.logs(good, "main", 0) != "done\n" {
		t.Errorf("got %s", describe(good))
	}
	bad := w.awaitPhase("bad", corev1.PodFailed)
	if s := bad.Status.ContainerStatuses[0].State.Terminated; s == nil || s.ExitCode != 7 || s.Reason != "Error" {
		t.Errorf("got %s", describe(bad))
	}
	killed := w.awaitPhase("killed", corev1.PodFailed)
	if s := killed.Status.ContainerStatuses[0].State.Terminated; s == nil || s.ExitCode != 137 || s.Signal != 9 {
		t.Errorf("got %s", describe(killed))
	}
}
