package autoscaler

import (
	"context"
	"encoding/binary"
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

// second is what an activator says each second of n active revisions: frames of
// 50 answered requests, and the block that they make once all have a number.
func second(s *Stream, n int) (block []byte) {
	p := stat.NewPacker("a1")
	for range 2 {
		for i := range n {
			f := frame(fmt.Sprintf("hello-%d", i), 5, 0, 1)
			f.Requests, f.P50, f.P95 = 50, 0.02, 0.09
			f.Slow[3], f.Slow[4], f.Slow[7] = 9, 35, 6
			p.Add(&f)
		}
		block = unheaded(p.Take())
		_ = s.Unpack(block)
	}
	return block
}

// unheaded is a block without its mark and length.
func unheaded(block []byte) []byte {
	_, size := binary.Uvarint(block[1:])
	return block[1+size:]
}

// BenchmarkTakeIn is what it costs to take in a second of 100 revisions: from
// the block's bytes to what each revision knows, and the list of those that are
// to be looked at. BenchmarkReport has the looks in it too.
func BenchmarkTakeIn(b *testing.B) {
	a, err := New(Config{Scaler: ScalerFunc(func(context.Context, Order) error { return nil })})
	if err != nil {
		b.Fatal(err)
	}
	defer a.end()
	s := a.Open()
	defer s.Close()
	block := second(s, 100)
	var spare []*revision
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Unpack(block); err != nil {
			b.Fatal(err)
		}
		if spare = a.agenda.take(spare); len(spare) != 100 {
			b.Fatal(len(spare), " reported")
		}
		for _, v := range spare {
			v.expected = false
		}
	}
}

// BenchmarkReport is the same with all decisions: it waits until each of the 100
// revisions has been decided on.
func BenchmarkReport(b *testing.B) {
	a := fleet(b, 100, 1)
	s := a.Open()
	defer s.Close()
	block := second(s, 100)
	b.ReportAllocs()
	for b.Loop() {
		until := a.decisions.Load() + 100
		if err := s.Unpack(block); err != nil {
			b.Fatal(err)
		}
		for a.decisions.Load() < until {
			runtime.Gosched()
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
