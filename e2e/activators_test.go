package e2e

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sluice-dev/sluice/schema/contract"
)

func TestChaos_AnActivatorThatGoesLosesNoRequest(t *testing.T) {
	c := newClone(t)
	c.serve(app{name: "steady", target: "ok"})
	for _, how := range []struct {
		name string
		do   func(t *testing.T, old corev1.Pod)
	}{
		{"replaced by a new version", func(t *testing.T, _ corev1.Pod) {
			patch := `{"spec":{"template":{"metadata":{"annotations":{"e2e":"` + fmt.Sprint(time.Now().UnixNano()) + `"}}}}}`
			_, err := kubeClient(t).AppsV1().Deployments(contract.Namespace).Patch(t.Context(), contract.Activator, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
			check(t, err)
		}},
		{"deleted", func(t *testing.T, old corev1.Pod) {
			check(t, kubeClient(t).CoreV1().Pods(contract.Namespace).Delete(t.Context(), old.Name, metav1.DeleteOptions{}))
		}},
	} {
		t.Run(how.name, func(t *testing.T) {
			old := partPods(t, contract.Activator)[0]
			stop := load(t, 5, 100*time.Millisecond, host("steady")+"/work?parts=1&gap=50ms")
			how.do(t, old)
			await(t, "another", func() string {
				pods := partPods(t, contract.Activator)
				if len(pods) == 1 && pods[0].Name != old.Name && isReady(&pods[0]) {
					return "another"
				}
				return fmt.Sprint(len(pods), " activators")
			})
			allAre(t, stop(), "ok.")
		})
	}
}
