package follow

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

func pod(name string, age time.Duration, phase corev1.PodPhase) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: name, Labels: map[string]string{"a": "b"}, CreationTimestamp: metav1.NewTime(time.Now().Add(-age))},
		Status:     corev1.PodStatus{Phase: phase},
	}
}

func TestNewest_IsTheRunningPodThatCameLast(t *testing.T) {
	client := fake.NewClientset(pod("old", time.Hour, corev1.PodRunning), pod("new", time.Minute, corev1.PodRunning), pod("waits", 0, corev1.PodPending))
	if got := newest(t.Context(), Config{Client: client, Namespace: "n", Selector: "a=b"}); got != "new" {
		t.Errorf("newest = %q, want new", got)
	}
	if got := newest(t.Context(), Config{Client: client, Namespace: "n", Selector: "a=c"}); got != "" {
		t.Errorf("newest = %q, want none", got)
	}
}

// endsOn cancels when it is written to.
type endsOn struct {
	bytes.Buffer
	cancel context.CancelFunc
}

func (e *endsOn) Write(p []byte) (int, error) {
	e.cancel()
	return e.Buffer.Write(p)
}

func TestRun_ShowsTheLogUntilItIsToldToStop(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	out := &endsOn{cancel: cancel}
	client := fake.NewClientset(pod("engine", time.Minute, corev1.PodRunning))
	if err := Run(ctx, Config{Client: client, Namespace: "n", Selector: "a=b", Since: time.Now(), Out: out}); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); !strings.Contains(got, "fake logs") {
		t.Errorf("shown: %q", got)
	}
}
