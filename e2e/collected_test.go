package e2e

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/engine/status"
)

// A revert to a revision that is collected makes it anew: until its pods are
// ready the requests stay where they are.
func TestGC_ARevertToACollectedRevisionLosesNoRequest(t *testing.T) {
	const slow = 3 * time.Second // after which the probe asks for the first time
	probed := func(target string) string {
		return helloService("archive", target) + "        readinessProbe: {httpGet: {path: /}, initialDelaySeconds: 3}\n"
	}
	c := newClone(t)
	c.write("archive.yaml", probed("old"))
	c.push("Old")
	awaitAnswer(t, host("archive"), hello("old"))
	collected := of(t, deployments, "archive")[0].GetName()
	c.write("archive.yaml", probed("new"))
	c.push("New")
	awaitAnswer(t, host("archive"), hello("new"))
	await(t, "Ready, away from it", func() string {
		if s := reported("archive"); s.State == status.Ready && len(s.Traffic) == 1 && s.Traffic[0].Revision != collected {
			return "Ready, away from it"
		}
		return "not yet"
	})
	check(t, kubeClient(t).AppsV1().Deployments("default").Delete(t.Context(), collected, metav1.DeleteOptions{}))
	await(t, "1 revision, no pod of the old one", func() string {
		if len(of(t, deployments, "archive")) == 1 && len(podNames(t, "serving.knative.dev/revision="+collected)) == 0 {
			return "1 revision, no pod of the old one"
		}
		return "not yet"
	})

	stop := crowd(t, host("archive"), hello("old"), hello("new"))
	c.git("revert", "--no-edit", "HEAD")
	began := time.Now() // the engine may see the push before git has ended
	c.git("push", "-q")
	moved := time.Duration(0)
	await(t, hello("old"), func() string {
		_, body := get(host("archive"))
		if body == hello("old") && moved == 0 {
			moved = time.Since(began)
		}
		return body
	})
	if moved < slow {
		t.Errorf("requests went there after %s, and it is not ready before %s", moved, slow)
	}
	awaitTraffic(t, "archive", "100% "+collected)
	stop()
	t.Logf("the revision was made anew and took the requests after %s", moved.Round(time.Millisecond))
}
