package node

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/cmd/sluice-local/node/shim"
)

func itoa(n int) string { return strconv.Itoa(n) }

func TestNode_StopsAllProcessesAndStartsThemAgain(t *testing.T) {
	w := newWorld(t)
	w.create(serving("forever"))
	w.create(podOf("never", "sleep"))
	job := podOf("job", "all", "print", "ran", "then", "sleep")
	job.Spec.RestartPolicy = corev1.RestartPolicyOnFailure
	w.create(job)
	w.create(podOf("done", "print", "once"))
	steps := podOf("steps", "sleep")
	steps.Spec.RestartPolicy = corev1.RestartPolicyOnFailure
	steps.Spec.InitContainers = []corev1.Container{{Name: "step", Image: "app", Args: []string{"print", "step"}}}
	w.create(steps)
	before := w.awaitReady("forever")
	w.awaitReady("never")
	w.awaitReady("job")
	w.awaitReady("steps")
	w.awaitPhase("done", corev1.PodSucceeded)
	dir := w.dir
	w.stop()
	if got, err := w.client.CoreV1().Pods("default").Get(t.Context(), "forever", metav1.GetOptions{}); err != nil || got.Status.Phase != corev1.PodRunning {
		t.Fatalf("the pod did not stay in the API as it was: %v, %s", err, describe(got))
	}
	w.dir = dir
	w.start("")
	after := w.await("forever", "started again", func(p *corev1.Pod) bool { return main0(p).RestartCount == 1 && ready(p) })
	if after.Status.PodIP != before.Status.PodIP || len(after.Status.PodIPs) != 1 {
		t.Errorf("addresses: %v, then %v", before.Status.PodIPs, after.Status.PodIPs)
	}
	if last := main0(after).LastTerminationState.Terminated; last == nil || last.Reason != "ContainerStatusUnknown" {
		t.Errorf("got %s", describe(after))
	}
	w.await("job", "started again", func(p *corev1.Pod) bool { return main0(p).RestartCount == 1 && main0(p).State.Running != nil })
	if got := w.awaitPhase("never", corev1.PodFailed); main0(got).State.Terminated.ExitCode != 137 {
		t.Errorf("got %s", describe(got))
	}
	if got := w.awaitPhase("steps", corev1.PodFailed); got.Status.Reason != "NodeStopped" || got.Status.InitContainerStatuses[0].State.Terminated == nil {
		t.Errorf("got %s", describe(got))
	}
	if got := w.awaitPhase("done", corev1.PodSucceeded); main0(got).RestartCount != 0 {
		t.Errorf("got %s", describe(got))
	}
}

func TestNode_PodThatVanishedFromTheAPIIsEnded(t *testing.T) {
	w := newWorld(t)
	p := serving("one")
	p.Spec.TerminationGracePeriodSeconds = new(int64(1))
	w.create(p)
	w.awaitReady("one")
	known := w.node.pod(p.UID)
	if err := w.client.CoreV1().Pods("default").Delete(t.Context(), "one", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	<-known.ctx.Done()
	if entries, err := os.ReadDir(w.node.podsDir()); err != nil || len(entries) != 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestNode_WithoutNamespacesPodsRunAndVolumesAreRefusedWithAReason(t *testing.T) {
	w := &world{t: t, client: newClient(), dir: t.TempDir()}
	w.start(shim.Bare)
	w.create(serving("one"))
	one := w.awaitReady("one")
	if got := get(t, one, "/"); got != "hello from one\n" {
		t.Errorf("got %q", got)
	}
	p := podOf("two", "print", "x")
	p.Spec.Volumes = []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}}
	p.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "data", MountPath: "/data"}}
	w.create(p)
	w.await("two", "refused", func(p *corev1.Pod) bool {
		s := main0(p).State.Waiting
		return s != nil && strings.Contains(s.Message, `volume "data" cannot be mounted at /data: this machine permits no namespaces`)
	})
	w.delete("one", 1)
	w.awaitGone("one")
}

func TestNode_LogsOfPodsThatWentMeanwhileAreRemoved(t *testing.T) {
	w := &world{t: t, client: newClient(), dir: t.TempDir()}
	old := filepath.Join(w.dir, "node", "logs", "default_gone_uid")
	if err := os.MkdirAll(old, 0o755); err != nil {
		t.Fatal(err)
	}
	w.start("")
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		if _, err := os.Stat(old); os.IsNotExist(err) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("still there")
		}
	}
}
