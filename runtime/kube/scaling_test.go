package kube_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	networking "istio.io/api/networking/v1"
	istiofake "istio.io/client-go/pkg/clientset/versioned/fake"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	k8stesting "k8s.io/client-go/testing"

	"github.com/sluice-dev/sluice/runtime/autoscaler"
	"github.com/sluice-dev/sluice/runtime/kube"
	"github.com/sluice-dev/sluice/runtime/stat"
	"github.com/sluice-dev/sluice/schema/contract"
)

func deployment(name string, replicas int32) *appsv1.Deployment {
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "default", Name: name, UID: "u", Generation: 1, Labels: map[string]string{contract.LabelRevision: name, "app": "x"},
			Annotations: map[string]string{
				contract.AnnotationLimits: `{"containerConcurrency":10,"port":8080,"protocol":"http1"}`, "other": "x",
				"autoscaling.knative.dev/window": "6s", contract.AnnotationFailed: "no image",
			},
			ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "m"}},
		},
		Spec: appsv1.DeploymentSpec{Replicas: &replicas, Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{NodeName: "n"}}},
		Status: appsv1.DeploymentStatus{ReadyReplicas: 1, Conditions: []appsv1.DeploymentCondition{
			{Type: appsv1.DeploymentAvailable, Status: corev1.ConditionTrue},
			{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, Reason: "NewReplicaSetAvailable"},
		}},
	}
}

// heard records what a ScalingWatcher tells.
type heard struct {
	deployments chan *appsv1.Deployment
	routes      chan []autoscaler.Key
	gone        chan string
	synced      chan struct{}
}

func newHeard() *heard {
	return &heard{make(chan *appsv1.Deployment, 100), make(chan []autoscaler.Key, 100), make(chan string, 100), make(chan struct{})}
}

func (h *heard) SetDeployment(d *appsv1.Deployment)          { h.deployments <- d }
func (h *heard) DeleteDeployment(ns, name string)            { h.gone <- "deployment " + ns + "/" + name }
func (h *heard) SetRoute(_, _ string, keys []autoscaler.Key) { h.routes <- keys }
func (h *heard) DeleteRoute(ns, name string)                 { h.gone <- "route " + ns + "/" + name }
func (h *heard) Synced()                                     { close(h.synced) }

func runScaling(t *testing.T, cfg kube.ScalingConfig) {
	t.Helper()
	w, err := kube.NewScalingWatcher(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = w.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
}

func TestScalingWatcher_TellsDeploymentsAndWhereRoutesLead(t *testing.T) {
	vs := virtualService("hello", "hello-1")
	to := func(revision string, weight int32) *networking.HTTPRouteDestination {
		return &networking.HTTPRouteDestination{Weight: weight, Headers: &networking.Headers{Request: &networking.Headers_HeaderOperations{
			Set: map[string]string{"sluice-namespace": "default", "sluice-revision": revision}}}}
	}
	vs.Spec.Http = append(vs.Spec.Http, &networking.HTTPRoute{Route: []*networking.HTTPRouteDestination{
		to("hello-1", 50), to("hello-2", 50), to("hello-3", 0), {Weight: 1}}})
	k8s, ist := fake.NewClientset(deployment("hello-1", 3)), istiofake.NewSimpleClientset(vs)
	h := newHeard()
	runScaling(t, kube.ScalingConfig{Kubernetes: k8s, Istio: ist, Scaled: h})
	got := <-h.deployments
	got.ResourceVersion = ""
	three := int32(3)
	want := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "default", Name: "hello-1", UID: "u", Generation: 1, Labels: map[string]string{contract.LabelRevision: "hello-1"},
			Annotations: map[string]string{
				contract.AnnotationLimits: `{"containerConcurrency":10,"port":8080,"protocol":"http1"}`, contract.AnnotationFailed: "no image",
				"autoscaling.knative.dev/window": "6s",
			},
		},
		Spec: appsv1.DeploymentSpec{Replicas: &three},
		Status: appsv1.DeploymentStatus{ReadyReplicas: 1, Conditions: []appsv1.DeploymentCondition{
			{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, Reason: "NewReplicaSetAvailable"}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]autoscaler.Key{{Namespace: "default", Revision: "hello-1"}, {Namespace: "default", Revision: "hello-2"}}, <-h.routes); diff != "" {
		t.Error(diff)
	}
	<-h.synced
	if err := k8s.AppsV1().Deployments("default").Delete(t.Context(), "hello-1", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := <-h.gone; got != "deployment default/hello-1" {
		t.Error(got)
	}
	if err := ist.NetworkingV1().VirtualServices("default").Delete(t.Context(), "hello", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := <-h.gone; got != "route default/hello" {
		t.Error(got)
	}
}

func newScaler(t *testing.T, k8s *fake.Clientset) *kube.Scaler {
	t.Helper()
	s, err := kube.NewScaler(k8s)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func live(t *testing.T, k8s *fake.Clientset) *appsv1.Deployment {
	t.Helper()
	d, err := k8s.AppsV1().Deployments("default").Get(t.Context(), "hello-1", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestScaler_OwnsReplicasAndWhyARevisionFailed(t *testing.T) {
	plain := deployment("hello-1", 1)
	delete(plain.Annotations, contract.AnnotationFailed)
	plain.ManagedFields = nil
	k8s := fake.NewClientset(plain)
	s := newScaler(t, k8s)
	o := autoscaler.Order{Key: autoscaler.Key{Namespace: "default", Revision: "hello-1"}, UID: "u", Failed: "no image", Annotate: true}
	if err := s.Scale(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if d := live(t, k8s); *d.Spec.Replicas != 0 || d.Annotations[contract.AnnotationFailed] != "no image" || d.Annotations["other"] != "x" {
		t.Errorf("%d %v", *d.Spec.Replicas, d.Annotations)
	}
	o.Replicas, o.Annotate = 5, false
	if err := s.Scale(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if d := live(t, k8s); *d.Spec.Replicas != 5 || d.Annotations[contract.AnnotationFailed] != "no image" {
		t.Errorf("%d %v", *d.Spec.Replicas, d.Annotations)
	}
	o.Replicas, o.Failed, o.Annotate = 2, "", true
	if err := s.Scale(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if d := live(t, k8s); *d.Spec.Replicas != 2 || d.Annotations[contract.AnnotationFailed] != "" || d.Annotations["other"] != "x" {
		t.Errorf("%d %v", *d.Spec.Replicas, d.Annotations)
	}
}

// scaleOf answers the update of the scale subresource as the API server does;
// the fake clientset knows no subresources.
func scaleOf(k8s *fake.Clientset, name string, replicas int32, fail error, annotations ...string) *int32 {
	k8s.PrependReactor("get", "deployments", func(a k8stesting.Action) (bool, runtime.Object, error) {
		get := a.(k8stesting.GetAction)
		if get.GetSubresource() != "" || get.GetName() != name {
			return true, nil, apierrors.NewNotFound(appsv1.Resource("deployments"), get.GetName())
		}
		d := deployment(name, replicas)
		for i := 0; i < len(annotations); i += 2 {
			d.Annotations["autoscaling.knative.dev/"+annotations[i]] = annotations[i+1]
		}
		return true, d, nil
	})
	k8s.PrependReactor("update", "deployments", func(a k8stesting.Action) (bool, runtime.Object, error) {
		scale := a.(k8stesting.UpdateAction).GetObject().(*autoscalingv1.Scale)
		if fail == nil {
			replicas = scale.Spec.Replicas
		}
		return true, scale, fail
	})
	return &replicas
}

func TestScaler_StartsWithAsManyAsTheRevisionWakesWith(t *testing.T) {
	for _, c := range []struct {
		annotations []string
		want        int32
	}{
		{[]string{"activation-scale", "3"}, 3},
		{[]string{"activation-scale", "3", "min-scale", "4"}, 4},
		{[]string{"minScale", "5", "maxScale", "2"}, 2},
		{[]string{"initial-scale", "7"}, 1}, // is of its first days
	} {
		k8s := fake.NewClientset()
		got := scaleOf(k8s, "hello-1", 0, nil, c.annotations...)
		if err := newScaler(t, k8s).Start(t.Context(), "default", "hello-1"); err != nil || *got != c.want {
			t.Errorf("%v: %d pods, want %d, %v", c.annotations, *got, c.want, err)
		}
	}
}

func TestScaler_StartsOnlyWhatHasNoPod(t *testing.T) {
	k8s := fake.NewClientset()
	asleep := scaleOf(k8s, "hello-1", 0, nil)
	s := newScaler(t, k8s)
	for range 2 {
		if err := s.Start(t.Context(), "default", "hello-1"); err != nil || *asleep != 1 {
			t.Errorf("%d replicas, %v", *asleep, err)
		}
	}
	if err := s.Start(t.Context(), "default", "nobody"); !apierrors.IsNotFound(err) {
		t.Error(err)
	}
	awake := scaleOf(k8s, "hello-1", 3, errors.New("written although it has pods"))
	if err := s.Start(t.Context(), "default", "hello-1"); err != nil || *awake != 3 {
		t.Error(err)
	}
	scaleOf(k8s, "hello-1", 0, errors.New("quota exceeded"))
	if err := s.Start(t.Context(), "default", "hello-1"); err == nil || !strings.Contains(err.Error(), "default/hello-1: ask for a pod: quota exceeded") {
		t.Error(err)
	}
	scaleOf(k8s, "hello-1", 0, apierrors.NewConflict(appsv1.Resource("deployments"), "hello-1", errors.New("changed")))
	if err := s.Start(t.Context(), "default", "hello-1"); err != nil {
		t.Error(err) // somebody else was faster
	}
}

func TestScalingWatcher_ASleepingRevisionIsWokenThroughTheWholeHouse(t *testing.T) {
	asleep := deployment("hello-1", 0)
	delete(asleep.Annotations, contract.AnnotationFailed)
	asleep.ManagedFields = nil
	k8s := fake.NewClientset(asleep)
	a, err := autoscaler.New(autoscaler.Config{Scaler: newScaler(t, k8s)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	runScaling(t, kube.ScalingConfig{Kubernetes: k8s, Istio: istiofake.NewSimpleClientset(virtualService("hello", "hello-1")), Scaled: a})
	s := a.Open()
	defer s.Close()
	ask := stat.Frame{Activator: "a1", Namespace: "default", Revision: "hello-1", Queued: 1, Wake: true}
	for deadline := time.After(20 * time.Second); ; { // until the watch has told of it
		s.Report(ask)
		ack := <-s.Acks()
		if ack.Error == "" {
			break
		}
		select {
		case <-deadline:
			t.Fatal(ack.Error)
		case <-time.After(time.Millisecond):
		}
	}
	if d := live(t, k8s); *d.Spec.Replicas != 1 {
		t.Errorf("%d", *d.Spec.Replicas)
	}
}
