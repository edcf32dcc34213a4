package autoscaler

import (
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-dev/sluice/schema/contract"
)

func TestAutoscaler_ARestartMakesNoDip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, Config{})
		w.put("hello-1", 8, 8)
		w.put("hello-2", 1, 1)
		w.route("hello-1", "hello-2")
		time.Sleep(30 * time.Second) // nobody has connected yet
		s := w.a.Open()
		defer s.Close()
		for range 58 {
			s.Report(frame("hello-1", 20, 0, 8))
			time.Sleep(time.Second)
			w.want("hello-1", 8)
			w.want("hello-2", 1)
		}
		for range 10 {
			s.Report(frame("hello-1", 20, 0, 8))
			time.Sleep(time.Second)
		}
		w.want("hello-1", 3)
		w.want("hello-2", 0)
	})
}

func TestAutoscaler_WhatNoRouteLeadsToAnyMoreWaitsForARevertThenGoesToZero(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, Config{RevertGrace: 20 * time.Second})
		w.put("hello-1", 3, 3, annotated(map[string]string{"autoscaling.knative.dev/min-scale": "3"}))
		w.put("hello-2", 1, 1)
		w.route("hello-1", "hello-2")
		s := w.a.Open()
		defer s.Close()
		time.Sleep(5 * time.Second)
		w.want("hello-1", 3)
		w.route("hello-2")
		time.Sleep(19 * time.Second)
		w.want("hello-1", 3)
		w.route("hello-1", "hello-2") // a revert
		time.Sleep(30 * time.Second)
		w.want("hello-1", 3)
		w.route("hello-2")
		time.Sleep(20*time.Second + 10*time.Millisecond)
		w.want("hello-1", 0)
	})
}

func TestAutoscaler_ANewRevisionWaitsForItsFirstRoute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, Config{})
		w.route()
		s := w.a.Open()
		defer s.Close()
		w.put("hello-1", 2, 0, condition(corev1.ConditionTrue, "ReplicaSetUpdated", ""), annotated(map[string]string{"autoscaling.knative.dev/initial-scale": "2", "autoscaling.knative.dev/min-scale": "1"}))
		time.Sleep(10 * time.Minute)
		w.want("hello-1", 2)
		w.put("hello-1", 2, 2, annotated(map[string]string{"autoscaling.knative.dev/initial-scale": "2", "autoscaling.knative.dev/min-scale": "1"}))
		time.Sleep(50 * time.Second)
		if w.have("hello-1") == 0 {
			t.Error("gone before a route could lead to it")
		}
		time.Sleep(11 * time.Second)
		w.want("hello-1", 0) // none came
	})
}

func TestAutoscaler_AFailedRevisionGoesToZeroAndSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, Config{})
		w.route()
		s := w.a.Open()
		defer s.Close()
		w.put("hello-1", 1, 0, condition(corev1.ConditionFalse, "ProgressDeadlineExceeded", "ReplicaSet has timed out"))
		time.Sleep(10 * time.Millisecond)
		w.want("hello-1", 0)
		w.mu.Lock()
		d := w.live[key("hello-1")].DeepCopy()
		w.mu.Unlock()
		if got := d.Annotations[contract.AnnotationFailed]; got != "ProgressDeadlineExceeded: ReplicaSet has timed out" {
			t.Errorf("says %q", got)
		}
		failed := annotated(map[string]string{contract.AnnotationFailed: d.Annotations[contract.AnnotationFailed]})
		w.put("hello-1", 0, 0, failed) // at zero it looks complete
		time.Sleep(time.Minute)
		w.want("hello-1", 0)
		f := frame("hello-1", 0, 1, 0) // somebody wants it all the same
		f.Wake = true
		s.Report(f)
		if ack := <-s.Acks(); ack.Want != 1 || ack.Error != "" {
			t.Errorf("%+v", ack)
		}
		w.put("hello-1", 1, 1, failed)
		synctest.Wait()
		time.Sleep(10 * time.Millisecond)
		w.mu.Lock()
		defer w.mu.Unlock()
		if got := w.live[key("hello-1")].Annotations[contract.AnnotationFailed]; got != "" {
			t.Errorf("a ready revision still says %q", got)
		}
	})
}
