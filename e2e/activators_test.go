package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
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

// One that is to go while nothing can start in its place goes on until something
// has.
func TestChaos_AnActivatorWaitsForItsSuccessor(t *testing.T) {
	ownCluster(t)
	c := newClone(t)
	c.serve(app{name: "awaited", target: "ok"})
	old := partPods(t, contract.Activator)[0]
	cordon(t, true)
	stop := load(t, 5, 100*time.Millisecond, host("awaited")+"/work")
	check(t, kubeClient(t).CoreV1().Pods(contract.Namespace).Delete(t.Context(), old.Name, metav1.DeleteOptions{}))
	time.Sleep(8 * time.Second) // longer than its balancers need to hear of it
	cordon(t, false)
	await(t, "another alone", func() string {
		pods := partPods(t, contract.Activator)
		if len(pods) == 1 && pods[0].Name != old.Name && isReady(&pods[0]) {
			return "another alone"
		}
		return fmt.Sprint(len(pods), " activators")
	})
	allAre(t, stop(), "ok")
}

// cordon lets no new pods onto any node, or lets them again.
func cordon(t *testing.T, closed bool) {
	t.Helper()
	set := func(closed bool) {
		nodes, err := kubeClient(t).CoreV1().Nodes().List(context.Background(), metav1.ListOptions{}) //nolint:usetesting // also in cleanups
		check(t, err)
		for _, n := range nodes.Items {
			patch := fmt.Sprintf(`{"spec":{"unschedulable":%v}}`, closed)
			_, err := kubeClient(t).CoreV1().Nodes().Patch(context.Background(), n.Name, types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{}) //nolint:usetesting // as above
			check(t, err)
		}
	}
	t.Cleanup(func() { set(false) })
	set(closed)
}

// steady asks url rate times a second, each time on a connection of its own, so
// that nothing is tried twice behind our back, until the returned function is
// called, which gives the answers and when each was asked for.
func steady(t *testing.T, rate int, url string) (stop func() []timed) {
	t.Helper()
	once := &http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, under.http)
		},
	}}
	ended := make(chan struct{})
	var home, answering sync.WaitGroup
	var mu sync.Mutex
	var all []timed
	home.Go(func() {
		tick := time.NewTicker(time.Second / time.Duration(rate))
		defer tick.Stop()
		for {
			select {
			case <-ended:
				return
			case at := <-tick.C:
				answering.Go(func() {
					a := fetchWith(once, url)
					mu.Lock()
					defer mu.Unlock()
					all = append(all, timed{a, at})
				})
			}
		}
	})
	end := sync.OnceFunc(func() { close(ended); home.Wait(); answering.Wait() })
	t.Cleanup(end)
	return func() []timed { end(); return all }
}

// timed is an answer and when it was asked for.
type timed struct {
	answer
	at time.Time
}

func fetchWith(c *http.Client, url string) (a answer) {
	began := time.Now()
	defer func() { a.took = time.Since(began) }()
	resp, err := c.Get("http://" + url)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return answer{code: resp.StatusCode, body: strings.TrimSpace(string(b)), err: err}
}

// Two activators share the services: one line each, whoever takes the request,
// and what one holds is all that goes with it.
func TestChaos_OfTwoActivatorsOneIsKilled(t *testing.T) {
	mine := ownCluster(t)
	c := newClone(t)
	c.serve(
		app{name: "shared", target: "ok", annotations: map[string]any{"autoscaling.knative.dev/min-scale": "3"}, spec: map[string]any{"containerConcurrency": 10}},
		app{name: "single", target: "ok", annotations: map[string]any{"autoscaling.knative.dev/max-scale": "1"}, spec: map[string]any{"containerConcurrency": 1}},
	)
	scalePart(t, contract.Activator, 2)
	allAre(t, fetchAll(60, host("single")+"/work?alone&before=10ms"), "ok") // by both doors, one at a time
	stop := steady(t, 500, host("shared")+"/work?before=20ms")
	time.Sleep(time.Second) // so much load before
	victims := mine.running(t, contract.Activator)
	if len(victims) < 2 {
		t.Fatalf("%d activators run, want 2", len(victims))
	}
	killed := time.Now()
	check(t, syscall.Kill(victims[0].pid, syscall.SIGKILL))
	held, blind := 500/10, time.Second // 20 ms of work, and what the machine is late
	time.Sleep(blind + time.Second)    // and after
	answers := stop()
	failed, last := 0, killed
	for _, a := range answers {
		if a.code == 200 && a.err == nil && a.body == "ok" {
			continue
		}
		if failed++; failed == 1 {
			t.Log("first that failed: ", a)
		}
		if a.at.After(last) {
			last = a.at
		}
	}
	t.Logf("%d of %d failed, the last one asked for %s after the kill", failed, len(answers), last.Sub(killed).Round(time.Millisecond))
	if failed > held || last.Sub(killed) > blind {
		t.Errorf("%d failed, want %d at most (what it held), none later than %s", failed, held, blind)
	}
}

// A pod and the engine, killed under 500 requests a second.
func TestChaos_APodAndTheEngineKilledUnderLoad(t *testing.T) {
	mine := ownCluster(t)
	c := newClone(t)
	c.serve(app{name: "loaded", target: "ok", annotations: map[string]any{"autoscaling.knative.dev/min-scale": "3"}})
	awaitScale(t, "loaded", 3)
	for _, victim := range []struct {
		name, word string
		most       int // requests that may fail: what a killed pod was answering
	}{
		{"the engine", contract.Engine, 0},
		{"a pod", of(t, deployments, "loaded")[0].GetName(), 50},
	} {
		t.Run(victim.name, func(t *testing.T) {
			stop := steady(t, 500, host("loaded")+"/work?before=20ms")
			time.Sleep(500 * time.Millisecond) // so much load before
			killed := time.Now()
			check(t, syscall.Kill(mine.victim(t, victim.word).pid, syscall.SIGKILL))
			time.Sleep(1500 * time.Millisecond) // and after
			failed, last, all := 0, killed, stop()
			for _, a := range all {
				if a.code != 200 || a.err != nil || a.body != "ok" {
					if failed++; a.at.After(last) {
						last = a.at
					}
				}
			}
			t.Logf("%d of %d failed, the last one asked for %s after the kill", failed, len(all), last.Sub(killed).Round(time.Millisecond))
			if failed > victim.most || last.Sub(killed) > time.Second {
				t.Errorf("%d failed, want %d at most, none later than a second", failed, victim.most)
			}
		})
	}
}

// victim is a process with the word among its arguments, or with the revision of
// that name in its environment.
func (c *cluster) victim(t *testing.T, word string) proc {
	t.Helper()
	if found := c.running(t, word); len(found) > 0 {
		return found[0]
	}
	for _, p := range c.running(t, "") {
		env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", p.pid))
		if err == nil && strings.Contains("\x00"+string(env), "\x00"+contract.EnvRevision+"="+word+"\x00") && !strings.Contains(p.args, "sluice-local") {
			return p
		}
	}
	t.Fatal("no process of ", word)
	return proc{}
}
