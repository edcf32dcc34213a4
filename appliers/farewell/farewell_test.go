package farewell_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	kubetesting "k8s.io/client-go/testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-dev/sluice/appliers"
	"github.com/sluice-dev/sluice/appliers/farewell"
	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/engine/plan"
	"github.com/sluice-dev/sluice/schema/contract"
)

var id = manifest.ID{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "hub-source"}

// world counts the steps that are done, and has the Jobs.
type world struct {
	*farewell.Applier
	client *fake.Clientset
	done   int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{client: fake.NewClientset()}
	next := appliers.Func(func(_ context.Context, s plan.Step) plan.Outcome { w.done++; return plan.Outcome{Step: s} })
	a, err := farewell.New(farewell.Config{Next: next, Client: w.client, ApplySet: "applyset-test", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	w.Applier = a
	return w
}

func (w *world) jobs(t *testing.T) []batchv1.Job {
	t.Helper()
	list, err := w.client.BatchV1().Jobs("shop").List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return list.Items
}

func encode(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func annotations(t *testing.T, of string) map[string]string {
	if of == "" {
		return nil
	}
	return map[string]string{contract.AnnotationFarewell: string(encode(t, contract.Farewell{
		Of: of, Args: []string{"source", "github", "--remove"}, Env: map[string]string{"MODE": "STOP", "CONTEXT": "7"},
	}))}
}

// step is one of the source's Deployment, which is of one thing and is to be of
// another; "" is not there.
func step(t *testing.T, action plan.Action, before, after string) plan.Step {
	t.Helper()
	d := &appsv1.Deployment{Spec: appsv1.DeploymentSpec{Template: corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{contract.LabelRevision: "hub-source"}},
		Spec: corev1.PodSpec{ServiceAccountName: "hub", Containers: []corev1.Container{{
			Name: "source", Image: "sluice", Args: []string{"source", "github"}, ReadinessProbe: &corev1.Probe{},
			Env: []corev1.EnvVar{{Name: "TOKEN", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{Key: "t"}}}, {Name: "MODE", Value: "START"}},
		}}},
	}}}
	s := plan.Step{Action: action, ID: id, Live: plan.Object{ID: id, UID: "u1", Unit: "GitHubSource.sources.knative.dev shop/hub", Annotations: annotations(t, before), JSON: encode(t, d)}}
	if action != plan.Delete {
		s.Manifest.JSON = encode(t, map[string]any{"metadata": map[string]any{"annotations": annotations(t, after)}})
	}
	return s
}

func (w *world) apply(t *testing.T, s plan.Step) {
	t.Helper()
	if o := w.Apply(t.Context(), s); o.Err != nil {
		t.Fatal(o.Err)
	}
}

func TestApply_ADeletedObjectTakesItsLeave(t *testing.T) {
	w := newWorld(t)
	for range 2 { // the engine was killed before the deletion
		w.apply(t, step(t, plan.Delete, "hook", ""))
	}
	jobs := w.jobs(t)
	if len(jobs) != 1 || w.done != 2 {
		t.Fatalf("%d jobs, %d steps", len(jobs), w.done)
	}
	pod := jobs[0].Spec.Template
	want := corev1.Container{
		Name: "source", Image: "sluice", Args: []string{"source", "github", "--remove"}, TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
		Env: []corev1.EnvVar{
			{Name: "TOKEN", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{Key: "t"}}},
			{Name: "MODE", Value: "STOP"}, {Name: "CONTEXT", Value: "7"},
		},
	}
	if diff := cmp.Diff(want, pod.Spec.Containers[0]); diff != "" {
		t.Errorf("the container (-want +got):\n%s", diff)
	}
	// The engine sees the Job and its pods, and reads whose they are; with no
	// tracking id they are not its own to delete.
	if a, l := jobs[0].Annotations, jobs[0].Labels; a[contract.AnnotationUnit] != "GitHubSource.sources.knative.dev shop/hub" || a[contract.AnnotationFarewellOf] != "hook" ||
		l[contract.LabelPartOf] != "applyset-test" || pod.Labels[contract.LabelPartOf] != "applyset-test" || a[contract.AnnotationTracking] != "" {
		t.Errorf("the Job: %+v, its pods %+v", jobs[0].ObjectMeta, pod.ObjectMeta)
	}
	if pod.Spec.ServiceAccountName != "hub" || pod.Spec.RestartPolicy != corev1.RestartPolicyNever || pod.Labels[contract.LabelRevision] != "" {
		t.Errorf("the pod: %+v", pod)
	}
}

func TestApply_OnlyWhereSomethingIsOutside(t *testing.T) {
	for _, c := range []struct {
		name          string
		action        plan.Action
		before, after string
		want          int
	}{
		{"nothing outside", plan.Delete, "", "", 0},
		{"comes", plan.Create, "", "hook", 0},
		{"stays", plan.Update, "hook", "hook", 0},
		{"is healed", plan.Heal, "hook", "hook", 0},
		{"moves", plan.Update, "hook", "another hook", 1},
		{"is no longer ours to keep", plan.Update, "hook", "", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.apply(t, step(t, c.action, c.before, c.after))
			if got := w.jobs(t); len(got) != c.want || w.done != 1 {
				t.Errorf("%d jobs, want %d; %d steps", len(got), c.want, w.done)
			}
		})
	}
}

func TestApply_WhatComesBackEndsTheFarewell(t *testing.T) {
	w := newWorld(t)
	w.apply(t, step(t, plan.Delete, "hook", ""))
	w.apply(t, step(t, plan.Delete, "another", ""))
	w.apply(t, step(t, plan.Create, "", "hook"))
	if jobs := w.jobs(t); len(jobs) != 1 {
		t.Fatalf("%d jobs, want that of the other alone", len(jobs))
	}
	// One that is over is left for its log.
	job := w.jobs(t)[0]
	job.Status.Conditions = []batchv1.JobCondition{{Type: batchv1.JobComplete, Status: corev1.ConditionTrue}}
	if _, err := w.client.BatchV1().Jobs("shop").UpdateStatus(t.Context(), &job, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	w.apply(t, step(t, plan.Create, "", "another"))
	if jobs := w.jobs(t); len(jobs) != 1 {
		t.Errorf("%d jobs, want the one that is over", len(jobs))
	}
}

func TestApply_WhatComesBackWaitsForThePodThatRemoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.apply(t, step(t, plan.Delete, "hook", ""))
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "leaver", Labels: w.jobs(t)[0].Spec.Template.Labels}, Status: corev1.PodStatus{Phase: corev1.PodRunning}}
		pods := w.client.CoreV1().Pods("shop")
		if _, err := pods.Create(t.Context(), pod, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		done := w.done
		applied := make(chan plan.Outcome, 1)
		go func() { applied <- w.Apply(t.Context(), step(t, plan.Create, "", "hook")) }()
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if len(applied) != 0 || w.done != done {
			t.Error("it is made while what removes it still runs")
		}
		if err := pods.Delete(t.Context(), "leaver", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		if o := <-applied; o.Err != nil || w.done != done+1 {
			t.Errorf("%v, %d steps", o.Err, w.done)
		}
	})
}

func TestApply_WithoutTheJobTheObjectStays(t *testing.T) {
	w := newWorld(t)
	refuse := errors.New("quota")
	w.client.PrependReactor("create", "jobs", func(kubetesting.Action) (bool, runtime.Object, error) { return true, nil, refuse })
	if o := w.Apply(t.Context(), step(t, plan.Delete, "hook", "")); !errors.Is(o.Err, refuse) || o.Terminal || w.done != 0 {
		t.Errorf("outcome %+v, %d steps", o, w.done)
	}
	// A namespace that is gone has nowhere to run it.
	refuse = apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "shop")
	if o := w.Apply(t.Context(), step(t, plan.Delete, "hook", "")); o.Err != nil || w.done != 1 {
		t.Errorf("outcome %+v, %d steps", o, w.done)
	}
}

func TestApply_WhatCannotBeReadHoldsNothingUp(t *testing.T) {
	w := newWorld(t)
	s := step(t, plan.Delete, "", "")
	s.Live.Annotations = map[string]string{contract.AnnotationFarewell: "{"}
	w.apply(t, s)
	if w.done != 1 {
		t.Error("the object was not deleted")
	}
}

// starter is the Job that started a feed, which goes.
func starter(t *testing.T, noted string) plan.Step {
	t.Helper()
	job := manifest.ID{APIVersion: "batch/v1", Kind: "Job", Namespace: "shop", Name: "roof-feed-1"}
	f := contract.Farewell{Of: job.Name, Env: map[string]string{"OPERATION": "STOP", "CONTEXT": noted}, Words: "CONTEXT"}
	object := &batchv1.Job{Spec: batchv1.JobSpec{Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "feedlet"}}}}}}
	return plan.Step{Action: plan.Delete, ID: job, Live: plan.Object{
		ID: job, UID: "u1", Annotations: map[string]string{contract.AnnotationFarewell: string(encode(t, f))}, JSON: encode(t, object),
	}}
}

func TestApply_IsToldWhatThePodSaidLast(t *testing.T) {
	for _, c := range []struct {
		name        string
		phase       corev1.PodPhase
		said, noted string
		want        string
	}{
		{"it said it and nobody has noted it", corev1.PodSucceeded, "eyJob29rIjo0Mn0=\n", "e30=", "eyJob29rIjo0Mn0="},
		{"its pod is gone", "", "", "eyJob29rIjo3fQ==", "eyJob29rIjo3fQ=="},
		{"it failed: what it said is an error", corev1.PodFailed, "no such roof", "e30=", "e30="},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			if c.phase != "" {
				pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "p", Labels: map[string]string{"batch.kubernetes.io/job-name": "roof-feed-1"}}}
				pod.Status = corev1.PodStatus{Phase: c.phase, ContainerStatuses: []corev1.ContainerStatus{{State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Message: c.said}}}}}
				if _, err := w.client.CoreV1().Pods("shop").Create(t.Context(), pod, metav1.CreateOptions{}); err != nil {
					t.Fatal(err)
				}
			}
			w.apply(t, starter(t, c.noted))
			want := []corev1.EnvVar{{Name: "CONTEXT", Value: c.want}, {Name: "OPERATION", Value: "STOP"}}
			if diff := cmp.Diff(want, w.jobs(t)[0].Spec.Template.Spec.Containers[0].Env); diff != "" {
				t.Errorf("the stop is told (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAgain_TakesThePlaceOfTheOneThatFailed(t *testing.T) {
	w := newWorld(t)
	w.apply(t, step(t, plan.Delete, "hook", ""))
	failed := w.jobs(t)[0]
	failed.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"controller-uid": "1"}}
	failed.Spec.Template.Labels["controller-uid"] = "1" // as Kubernetes adds it
	tries := *failed.Spec.ActiveDeadlineSeconds
	*failed.Spec.ActiveDeadlineSeconds = 1 // somebody was impatient
	if _, err := w.client.BatchV1().Jobs("shop").Update(t.Context(), &failed, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	name, err := farewell.Again(t.Context(), w.client, "shop", failed.Name)
	if err != nil {
		t.Fatal(err)
	}
	jobs := w.jobs(t)
	if len(jobs) != 1 || jobs[0].Name != name || name == failed.Name {
		t.Fatalf("jobs %v, want %s alone", jobs, name)
	}
	if diff := cmp.Diff(failed.Spec.Template.Spec, jobs[0].Spec.Template.Spec); diff != "" {
		t.Errorf("the pod (-first +again):\n%s", diff)
	}
	if *jobs[0].Spec.ActiveDeadlineSeconds != tries || jobs[0].Spec.Selector != nil || jobs[0].Spec.Template.Labels["controller-uid"] != "" || jobs[0].Labels[contract.LabelFarewell] != failed.Labels[contract.LabelFarewell] ||
		jobs[0].Annotations[contract.AnnotationUnit] != failed.Annotations[contract.AnnotationUnit] {
		t.Errorf("the Job: %+v", jobs[0])
	}
	if _, err := farewell.Again(t.Context(), w.client, "shop", "nothing"); !apierrors.IsNotFound(errors.Unwrap(err)) {
		t.Errorf("of none: %v", err)
	}
}
