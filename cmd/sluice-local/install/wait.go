package install

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes"
)

// patience is how long the platform may take to become available.
const patience = 60 * time.Second

// waitAvailable returns when every Deployment among the objects runs what it
// should, or says what is wrong with its pods.
func waitAvailable(ctx context.Context, client kubernetes.Interface, objects []*unstructured.Unstructured) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for _, o := range objects {
		if o.GetKind() != "Deployment" {
			continue
		}
		if err := waitDeployment(ctx, client, o.GetNamespace(), o.GetName()); err != nil {
			return err
		}
	}
	return nil
}

func waitDeployment(ctx context.Context, client kubernetes.Interface, namespace, name string) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		d, err := client.AppsV1().Deployments(namespace).Get(ctx, name, metav1.GetOptions{})
		if err == nil && available(d) {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return ctx.Err()
			}
			return fmt.Errorf("deployment %s/%s: not available after %v: %s", namespace, name, patience, explain(client, namespace, name))
		}
	}
}

// available reports whether all replicas are of the newest template and ready.
func available(d *appsv1.Deployment) bool {
	want := int32(1)
	if d.Spec.Replicas != nil {
		want = *d.Spec.Replicas
	}
	s := d.Status
	return s.ObservedGeneration >= d.Generation && s.UpdatedReplicas == want && s.AvailableReplicas == want && s.Replicas == want
}

// explain tells what the pods of a Deployment wait for.
func explain(client kubernetes.Interface, namespace, name string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	pods, err := client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: "app.kubernetes.io/component=" + name})
	if err != nil {
		return err.Error()
	}
	why := []string{}
	for _, p := range pods.Items {
		why = append(why, p.Name+" is "+podState(&p))
	}
	if len(why) == 0 {
		return "it has no pods"
	}
	return strings.Join(why, "; ")
}

func podState(p *corev1.Pod) string {
	for _, c := range p.Status.ContainerStatuses {
		if w := c.State.Waiting; w != nil {
			return w.Reason + " " + w.Message
		}
		if t := c.State.Terminated; t != nil {
			return fmt.Sprintf("terminated with code %d %s", t.ExitCode, t.Message)
		}
	}
	for _, c := range p.Status.Conditions {
		if c.Status != corev1.ConditionTrue && c.Message != "" {
			return string(c.Type) + ": " + c.Message
		}
	}
	return string(p.Status.Phase)
}
