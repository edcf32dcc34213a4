package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/websocket"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/schema/contract"
)

// sleepy has an app fall asleep as early as can be, and begin asleep.
func sleepy() map[string]any {
	return map[string]any{"autoscaling.knative.dev/window": "6s", "autoscaling.knative.dev/initial-scale": "0"}
}

// load asks url with so many clients, each every pace (0: at once when it has
// its answer), until the returned function is called, which gives the answers.
func load(t *testing.T, clients int, pace time.Duration, url string) (stop func() []answer) {
	t.Helper()
	ended := make(chan struct{})
	answers := make([][]answer, clients)
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			tick := time.NewTicker(max(pace, time.Nanosecond))
			defer tick.Stop()
			for {
				answers[i] = append(answers[i], fetch(url))
				select {
				case <-ended:
					return
				case <-tick.C:
				}
			}
		})
	}
	end := sync.OnceFunc(func() { close(ended); all.Wait() })
	t.Cleanup(end)
	return func() (total []answer) {
		end()
		for _, a := range answers {
			total = append(total, a...)
		}
		return total
	}
}

// awaitScale waits until a service has at least n pods that are ready.
func awaitScale(t *testing.T, name string, n int) {
	t.Helper()
	await(t, "enough pods", func() string {
		list, err := kubeClient(t).CoreV1().Pods("default").List(t.Context(), metav1.ListOptions{LabelSelector: "serving.knative.dev/service=" + name})
		check(t, err)
		ready := 0
		for i := range list.Items {
			if isReady(&list.Items[i]) {
				ready++
			}
		}
		if ready >= n {
			return "enough pods"
		}
		return fmt.Sprint(ready, " ready pods")
	})
}

// dialEcho opens a WebSocket to an app.
func dialEcho(t *testing.T, name string) *websocket.Conn {
	t.Helper()
	config, err := websocket.NewConfig("ws://"+host(name)+"/echo", "http://"+host(name))
	check(t, err)
	tcp, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", under.http)
	check(t, err)
	check(t, tcp.SetDeadline(time.Now().Add(patience)))
	c, err := websocket.NewClient(config, tcp)
	check(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// echo says something and wants to hear it again.
func echo(t *testing.T, c *websocket.Conn, say string) {
	t.Helper()
	var heard string
	check(t, websocket.Message.Send(c, say))
	check(t, websocket.Message.Receive(c, &heard))
	if heard != say {
		t.Errorf("said %q, heard %q", say, heard)
	}
}

func TestScale_UpToZeroAndUpAgainLosesNoRequest(t *testing.T) {
	c := newClone(t)
	annotations := sleepy()
	annotations["autoscaling.knative.dev/max-scale"] = "4"
	c.serve(
		app{name: "updown", target: "ok", annotations: annotations, spec: map[string]any{"containerConcurrency": 2}},
		app{name: "chatty", annotations: sleepy()},
	)
	talk := dialEcho(t, "chatty")
	echo(t, talk, "Who woke me?")
	for _, again := range []bool{false, true} {
		awaitAsleep(t, "updown")
		if again {
			echo(t, talk, "A talk keeps its pod awake.")
		}
		stop := load(t, 8, 0, host("updown")+"/work?before=200ms")
		awaitScale(t, "updown", 4)
		allAre(t, stop(), "ok")
		awaitState(t, "updown", "Ready", "")
	}
}

func TestDrain_ARequestOutlivesItsServiceAndItsPod(t *testing.T) {
	c := newClone(t)
	c.serve(app{name: "leaving", target: "bye"})
	resp, err := patient.Get("http://" + host("leaving") + "/work?parts=6&gap=500ms") // it has begun to answer
	check(t, err)
	defer resp.Body.Close()
	c.git("rm", "-q", "leaving.yaml")
	c.push("Leave")
	await(t, "HTTP 404", func() string { code, _ := get(host("leaving")); return fmt.Sprint("HTTP ", code) })
	// Its pods would be there for another minute, for a revert; not now.
	pods := podNames(t, "serving.knative.dev/service=leaving")
	for _, pod := range pods {
		check(t, kubeClient(t).CoreV1().Pods("default").Delete(t.Context(), pod, metav1.DeleteOptions{}))
	}
	body, err := io.ReadAll(resp.Body)
	if len(pods) == 0 || err != nil || string(body) != "bye......" {
		t.Errorf("%d pods, answer %q, %v", len(pods), body, err)
	}
}

// As a node that is emptied does. The app knows nothing of ending in order.
func TestDrain_PodsThatAreDeletedUnderLoadLoseNoRequest(t *testing.T) {
	c := newClone(t)
	c.serve(app{name: "emptied", target: "ok", env: []any{map[string]any{"name": "ABRUPT", "value": "1"}}, annotations: map[string]any{"autoscaling.knative.dev/min-scale": "2"}})
	awaitScale(t, "emptied", 2)
	stop := load(t, 10, 10*time.Millisecond, host("emptied")+"/work?before=20ms")
	for range 4 {
		victim := podNames(t, "serving.knative.dev/service=emptied")[0]
		check(t, kubeClient(t).CoreV1().Pods("default").Delete(t.Context(), victim, metav1.DeleteOptions{}))
		await(t, "gone", func() string {
			if slices.Contains(podNames(t, "serving.knative.dev/service=emptied"), victim) {
				return "there"
			}
			return "gone"
		})
		awaitScale(t, "emptied", 2)
	}
	allAre(t, stop(), "ok")
}

func TestChaos_AKilledAutoscalerIsNotMissed(t *testing.T) {
	mine := ownCluster(t)
	c := newClone(t)
	pair := sleepy()
	pair["autoscaling.knative.dev/activation-scale"] = "2"
	c.serve(
		app{name: "busy", target: "ok"},
		app{name: "asleep-one", target: "ok", annotations: sleepy()},
		app{name: "asleep-two", target: "ok", annotations: pair},
	)
	stop := load(t, 25, 50*time.Millisecond, host("busy")+"/work") // 500 a second
	victims := mine.running(t, contract.Autoscaler)
	if len(victims) == 0 {
		t.Fatal("no process of the autoscaler")
	}
	for _, p := range victims {
		check(t, syscall.Kill(p.pid, syscall.SIGKILL))
	}
	allAre(t, []answer{fetch(host("asleep-one") + "/work")}, "ok")
	scalePart(t, contract.Autoscaler, 0)
	allAre(t, []answer{fetch(host("asleep-two") + "/work")}, "ok")
	awaitPods(t, "asleep-two", 2) // as it is to wake, with nobody to decide it
	scalePart(t, contract.Autoscaler, 1)
	awaitAsleep(t, "asleep-one")
	awaitAsleep(t, "asleep-two")
	allAre(t, stop(), "ok")
}

// scalePart sets how many pods a part of the platform has, and waits for it.
// When the test ends it is one again.
func scalePart(t *testing.T, part string, n int) {
	t.Helper()
	set := func(n int) {
		_, err := kubeClient(t).AppsV1().Deployments(contract.Namespace).UpdateScale(context.Background(), part, &autoscalingv1.Scale{ //nolint:usetesting // also in cleanups
			ObjectMeta: metav1.ObjectMeta{Namespace: contract.Namespace, Name: part}, Spec: autoscalingv1.ScaleSpec{Replicas: int32(n)},
		}, metav1.UpdateOptions{})
		check(t, err)
	}
	t.Cleanup(func() { set(1) })
	set(n)
	want := fmt.Sprintf("%d of %d ready", n, n)
	await(t, want, func() string {
		pods, ready := partPods(t, part), 0
		for i := range pods {
			if isReady(&pods[i]) {
				ready++
			}
		}
		return fmt.Sprintf("%d of %d ready", ready, len(pods))
	})
}

func partPods(f fataler, part string) []corev1.Pod {
	list, err := kubeClient(f).CoreV1().Pods(contract.Namespace).List(context.Background(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/component=" + part})
	check(f, err)
	return list.Items
}
