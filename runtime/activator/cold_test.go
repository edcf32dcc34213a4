package activator

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-dev/sluice/schema/contract"
)

func TestCold_AStartIsCountedByStage(t *testing.T) {
	a := newActivator(t, Config{Waker: WakerFunc(func(context.Context, Key) error { return nil })})
	got := get(t.Context(), client(t), before(t, a).URL)
	until(t, a, "queued", queued(1))
	p := podAt("p", backend(t, newGateOpen().ServeHTTP), false, contract.Limits{})
	addr := p.Status.PodIP
	p.Status.PodIP = ""
	step := func(change func()) {
		time.Sleep(3 * time.Millisecond) // a stage takes a while
		change()
		a.SetPod(p)
	}
	step(func() {})
	step(func() { p.Spec.NodeName = "node" })
	step(func() {
		p.Status.PodIP = addr
		p.Status.ContainerStatuses = []corev1.ContainerStatus{{State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}}
	})
	step(func() { setReady(p, true) })
	if g := <-got; g.status != 200 {
		t.Fatalf("%+v", g)
	}
	if g := <-get(t.Context(), client(t), before(t, a).URL); g.status != 200 { // not cold: not counted
		t.Fatalf("%+v", g)
	}
	var page bytes.Buffer
	if err := a.WriteMetrics(&page); err != nil {
		t.Fatal(err)
	}
	for _, stage := range stageNames {
		if line := "sluice_activator_cold_start_duration_seconds_count{stage=\"" + stage + "\"} 1\n"; !strings.Contains(page.String(), line) {
			t.Errorf("no %s", line)
		}
	}
	var sum time.Duration
	for s := range stages {
		sum += a.colds[s].Sum()
		if s != coldWoken && s != coldFirstByte && a.colds[s].Sum() < 2*time.Millisecond {
			t.Errorf("%s took %s", stageNames[s], a.colds[s].Sum())
		}
	}
	if total := a.colds[stages].Sum(); total != sum {
		t.Errorf("the stages take %s together, the whole %s", sum, total)
	}
}

func TestCold_AStartThatNobodyWaitedForIsNotCounted(t *testing.T) {
	a := newActivator(t, Config{Waker: WakerFunc(func(context.Context, Key) error { return nil })})
	front := before(t, a)
	ctx, hangUp := context.WithCancel(t.Context())
	got := get(ctx, client(t), front.URL)
	until(t, a, "queued", queued(1))
	p := podAt("p", backend(t, newGateOpen().ServeHTTP), false, contract.Limits{})
	a.SetPod(p)
	hangUp()
	<-got
	until(t, a, "gone", queued(0))
	a.SetPod(setReady(p, true))
	if g := <-get(t.Context(), client(t), front.URL); g.status != 200 { // whenever it comes
		t.Fatalf("%+v", g)
	}
	if n := a.colds[stages].Count(); n != 0 {
		t.Errorf("%d starts are counted, the last of %s", n, a.colds[stages].Sum())
	}
}

// newGateOpen is an app that holds nothing.
func newGateOpen() *gate {
	g := newGate()
	close(g.open)
	return g
}
