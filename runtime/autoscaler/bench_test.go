package autoscaler

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/runtime/stat"
	"github.com/sluice-dev/sluice/schema/contract"
)

// fleet is an Autoscaler of so many revisions, each with so many pods.
func fleet(t testing.TB, n int, have int32) *Autoscaler {
	t.Helper()
	a, err := New(Config{Scaler: ScalerFunc(func(context.Context, Order) error { return nil })})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = a.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	for i := range n {
		name := fmt.Sprintf("hello-%d", i)
		a.SetDeployment(&appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, UID: "u", Labels: map[string]string{contract.LabelRevision: name}},
			Spec:       appsv1.DeploymentSpec{Replicas: &have},
			Status: appsv1.DeploymentStatus{ReadyReplicas: have, Conditions: []appsv1.DeploymentCondition{
				{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, Reason: "NewReplicaSetAvailable"}}},
		})
		a.SetRoute("default", name, []Key{{"default", name}})
	}
	a.Synced()
	return a
}

// BenchmarkReport is what an activator's second costs: a frame of each of 100
// active revisions, and the decisions on them.
func BenchmarkReport(b *testing.B) {
	a := fleet(b, 100, 1)
	s := a.Open()
	defer s.Close()
	frames := make([]stat.Frame, 100)
	for i := range frames {
		frames[i] = frame(fmt.Sprintf("hello-%d", i), 5, 0, 1)
		s.Report(frames[i])
	}
	b.ReportAllocs()
	for b.Loop() {
		for i := range frames {
			s.Report(frames[i])
		}
	}
}

func TestAutoscaler_ASleepingRevisionIsSmall(t *testing.T) {
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	const n = 5000
	before := heap()
	a := fleet(t, n, 0)
	s := a.Open()
	defer s.Close()
	for _, v := range a.all() { // every actor has gone home
		for done := false; !done; runtime.Gosched() {
			v.mu.Lock()
			done = v.actor == nil
			v.mu.Unlock()
		}
	}
	each := (heap() - before) / n
	t.Logf("%d bytes for each of %d sleeping revisions", each, n)
	if each > 3<<10 {
		t.Errorf("%d bytes for each sleeping revision", each)
	}
	runtime.KeepAlive(a)
}
