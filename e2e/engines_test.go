package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/schema/contract"
)

// scaleEngine sets how many engines the cluster runs, and waits until all of
// them are ready and no other is left. When the test ends it is one again.
func scaleEngine(t *testing.T, n int) {
	t.Helper()
	t.Cleanup(func() { setEngines(t, 1) })
	setEngines(t, n)
}

func setEngines(t *testing.T, n int) {
	t.Helper()
	_, err := kubeClient(t).AppsV1().Deployments(contract.Namespace).UpdateScale(context.Background(), contract.Engine, &autoscalingv1.Scale{ //nolint:usetesting // also in cleanups
		ObjectMeta: metav1.ObjectMeta{Namespace: contract.Namespace, Name: contract.Engine}, Spec: autoscalingv1.ScaleSpec{Replicas: int32(n)},
	}, metav1.UpdateOptions{})
	check(t, err)
	await(t, fmt.Sprintf("%d of %d engines ready", n, n), func() string {
		pods := enginePods(t)
		ready := 0
		for i := range pods {
			if isReady(&pods[i]) {
				ready++
			}
		}
		return fmt.Sprintf("%d of %d engines ready", ready, len(pods))
	})
}

func enginePods(f fataler) []corev1.Pod {
	list, err := kubeClient(f).CoreV1().Pods(contract.Namespace).List(context.Background(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/component=" + contract.Engine})
	check(f, err)
	return list.Items
}

func isReady(p *corev1.Pod) bool {
	return p.DeletionTimestamp == nil && slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// leader is the name of the engine that works.
func leader(t *testing.T) string {
	t.Helper()
	lease, err := kubeClient(t).CoordinationV1().Leases(contract.Namespace).Get(t.Context(), contract.Engine, metav1.GetOptions{})
	check(t, err)
	if lease.Spec.HolderIdentity == nil {
		return ""
	}
	return *lease.Spec.HolderIdentity
}

// outside is an engine that runs as a child of the test, in place of the
// cluster's own: it can be killed as often as one likes, with no back-off.
type outside struct {
	t       *testing.T
	process *exec.Cmd
}

// engineOutside stops the cluster's engine until the test ends.
func engineOutside(t *testing.T) *outside {
	t.Helper()
	scaleEngine(t, 0)
	o := &outside{t: t}
	t.Cleanup(func() { o.end(syscall.SIGTERM) })
	return o
}

// start begins to run the engine.
func (o *outside) start() {
	o.t.Helper()
	program, err := binary("sluice")
	check(o.t, err)
	log, err := os.OpenFile(filepath.Join(o.t.TempDir(), "engine.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	check(o.t, err)
	defer log.Close()
	o.process = exec.Command(program, "engine", "--kubeconfig", under.kubeconfig, "--admin", "127.0.0.1:0")
	// The same name each time, as in a pod: the lease is its own again at once.
	o.process.Env = append(os.Environ(), "POD_NAME=engine-outside")
	o.process.Stderr = log
	check(o.t, o.process.Start())
}

// end sends the engine a signal and waits until it is gone.
func (o *outside) end(signal os.Signal) {
	if o.process == nil {
		return
	}
	_ = o.process.Process.Signal(signal)
	_ = o.process.Wait() // killed processes end with an error
	o.process = nil
}
