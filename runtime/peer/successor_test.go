package peer

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// successor is the Pod of another activator.
func successor(address string, ready corev1.ConditionStatus) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "activator-2"},
		Status:     corev1.PodStatus{PodIP: address, Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: ready}}},
	}
}

func TestSucceeded_WaitsForWhoTakesRequests(t *testing.T) {
	pending, starting, ready := successor("", corev1.ConditionFalse), successor("10.0.0.2", corev1.ConditionFalse), successor("10.0.0.2", corev1.ConditionTrue)
	leaving := ready.DeepCopy()
	leaving.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)}
	self := ready.DeepCopy()
	self.Name = "activator-1"
	for _, tt := range []struct {
		name  string
		tell  func(p *Peers)
		after time.Duration
	}{
		{"it is there", func(p *Peers) { p.SetPod(ready) }, 0},
		{"nobody comes", func(*Peers) {}, announced},
		{"this process is not its own successor", func(p *Peers) { p.SetPod(self) }, announced},
		{"the other goes too", func(p *Peers) { p.SetPod(leaving) }, announced},
		{"it has no address yet, then starts", func(p *Peers) {
			p.SetPod(pending)
			time.Sleep(10 * time.Second)
			p.SetPod(starting)
			time.Sleep(10 * time.Second)
			p.SetPod(ready)
		}, 20 * time.Second},
		{"it comes a little later", func(p *Peers) {
			time.Sleep(announced - 1)
			p.SetPod(pending)
			time.Sleep(10 * time.Second)
			p.SetPod(ready)
		}, announced - 1 + 10*time.Second},
		{"it is given up", func(p *Peers) {
			p.SetPod(starting)
			time.Sleep(10 * time.Second)
			p.DeletePod(starting)
		}, 10 * time.Second},
		{"it never gets ready", func(p *Peers) { p.SetPod(starting) }, time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, err := New(Config{Self: "activator-1"})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				began := time.Now()
				told := make(chan struct{})
				go func() { defer close(told); tt.tell(p) }()
				synctest.Wait()
				p.Succeeded(ctx)
				if took := time.Since(began); took != tt.after {
					t.Errorf("after %s, want %s", took, tt.after)
				}
				<-told
			})
		})
	}
}
