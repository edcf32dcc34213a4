package autoscaler

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-dev/sluice/runtime/stat"
	"github.com/sluice-dev/sluice/schema/contract"
)

// activation is what the Deployment says of the last one.
func (w *world) activation(revision string) (a contract.Activation) {
	w.t.Helper()
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	if s := w.live[key(revision)].Annotations[contract.AnnotationActivation]; s != "" {
		if err := json.Unmarshal([]byte(s), &a); err != nil {
			w.t.Error(err)
		}
	}
	return a
}

// becomes has the Deployment of a revision report so many ready pods.
func (w *world) becomes(revision string, ready int32, change ...func(*appsv1.Deployment)) {
	w.mu.Lock()
	d := w.live[key(revision)].DeepCopy()
	d.Status.ReadyReplicas = ready
	for _, f := range change {
		f(d)
	}
	w.live[key(revision)] = d
	w.mu.Unlock()
	w.a.SetDeployment(d)
}

func TestStarting_AFailureIsWrittenAndToldAtOnceAndForgottenWhenItIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		why := "CrashLoopBackOff: container app exited with code 1"
		w := begin(t, Config{Trouble: func(context.Context, Key) (string, bool, error) { return why, true, nil }})
		w.put("hello-1", 0, 0)
		w.route("hello-1")
		s := w.a.Open()
		defer s.Close()
		f := frame("hello-1", 0, 1, 0)
		f.Wake = true
		s.Report(f)
		<-s.Acks()
		f.Wake = false
		s.Report(f)
		time.Sleep(1100 * time.Millisecond)
		if ack := <-s.Acks(); ack.Trouble != why || ack.Error != "" {
			t.Errorf("%+v", ack)
		}
		if a := w.activation("hello-1"); a.Result != contract.ActivationFailed || a.Error != why {
			t.Errorf("%+v", a)
		}
		writes := w.writes()
		say(s, 5*time.Second, f)
		if n := w.writes() - writes; n != 0 {
			t.Errorf("the same is written %d times more", n)
		}
		f.Ready, f.InFlight, f.Queued = 1, 1, 0
		w.becomes("hello-1", 1)
		s.Report(f)
		time.Sleep(10 * time.Millisecond)
		if a := w.activation("hello-1"); a.Result != contract.ActivationSucceeded || a.Error != "" {
			t.Errorf("%+v", a)
		}
	})
}

func TestStarting_WhatWasWaitedForInVainIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		why := "container app runs but does not pass its readiness check yet"
		w := begin(t, Config{Trouble: func(context.Context, Key) (string, bool, error) { return why, false, nil }})
		w.put("hello-1", 0, 0)
		w.route("hello-1")
		s := w.a.Open()
		defer s.Close()
		f := frame("hello-1", 0, 1, 0)
		f.Wake = true
		s.Report(f)
		<-s.Acks()
		time.Sleep(4 * time.Second)
		if a := w.a.lastActivation(key("hello-1")); a.Result != "" {
			t.Errorf("it may only be slow, but is said to have failed: %+v", a)
		}
		time.Sleep(2 * time.Minute) // the client has hung up
		w.want("hello-1", 0)
		if a := w.activation("hello-1"); a.Result != contract.ActivationFailed || !strings.HasPrefix(a.Error, "no pod became ready in ") || !strings.HasSuffix(a.Error, ": "+why) {
			t.Errorf("%+v", a)
		}
	})
}

func TestStarting_ASuccessIsWrittenWithTheWriteThatTakesThePodsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, Config{})
		w.put("hello-1", 0, 0)
		w.route("hello-1")
		s := w.a.Open()
		defer s.Close()
		f := frame("hello-1", 0, 1, 0)
		f.Wake = true
		s.Report(f)
		<-s.Acks()
		time.Sleep(100 * time.Millisecond)
		w.becomes("hello-1", 1)
		s.Report(frame("hello-1", 1, 0, 1))
		time.Sleep(time.Second)
		if a := w.activation("hello-1"); a.Result != "" || w.writes() != 1 {
			t.Errorf("%+v, %d writes: it costs one of its own", a, w.writes())
		}
		if a := w.a.lastActivation(key("hello-1")); a.Result != contract.ActivationSucceeded {
			t.Errorf("%+v", a)
		}
		s.Report(frame("hello-1", 0, 0, 1))
		time.Sleep(2 * time.Minute)
		w.want("hello-1", 0)
		if a := w.activation("hello-1"); a.Result != contract.ActivationSucceeded || w.writes() != 2 {
			t.Errorf("%+v, %d writes", a, w.writes())
		}
	})
}

func TestStarting_WhatTheDeploymentSaysNeedsNoQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, Config{Trouble: func(context.Context, Key) (string, bool, error) { t.Error("asked"); return "", false, nil }})
		w.put("hello-1", 0, 0)
		w.route("hello-1")
		s := w.a.Open()
		defer s.Close()
		s.Report(stat.Frame{Activator: "a1", Namespace: "default", Revision: "hello-1", Queued: 1, Wake: true})
		<-s.Acks()
		time.Sleep(100 * time.Millisecond)
		w.becomes("hello-1", 0, func(d *appsv1.Deployment) {
			d.Status.Conditions = append(d.Status.Conditions, appsv1.DeploymentCondition{
				Type: appsv1.DeploymentReplicaFailure, Status: corev1.ConditionTrue, Reason: "FailedCreate", Message: "exceeded quota"})
		})
		time.Sleep(1100 * time.Millisecond)
		if a := w.activation("hello-1"); a.Error != "FailedCreate: exceeded quota" {
			t.Errorf("%+v", a)
		}
		time.Sleep(3 * time.Minute) // the client has hung up
		w.want("hello-1", 0)
		if n, due := w.actors(); n != 0 || due != 0 {
			t.Errorf("%d actors, %d looks are left", n, due)
		}
		if a := w.activation("hello-1"); a.Result != contract.ActivationFailed {
			t.Errorf("%+v", a)
		}
	})
}
