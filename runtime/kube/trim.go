package kube

import (
	istio "istio.io/client-go/pkg/apis/networking/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/schema/contract"
)

// trim drops, before an object is kept, what nobody reads: most of its bytes.
func trim(obj any) (any, error) {
	switch o := obj.(type) {
	case *corev1.Pod:
		return trimPod(o), nil
	case *istio.VirtualService:
		o.ManagedFields, o.Annotations = nil, nil
	}
	return obj, nil
}

// trimPod keeps names, age, the data plane's labels and annotations, ports and
// readiness probes, address and readiness, and how far the start has come.
func trimPod(p *corev1.Pod) *corev1.Pod {
	out := &corev1.Pod{
		TypeMeta: p.TypeMeta,
		ObjectMeta: metav1.ObjectMeta{
			Namespace: p.Namespace, Name: p.Name, UID: p.UID, ResourceVersion: p.ResourceVersion,
			CreationTimestamp: p.CreationTimestamp, DeletionTimestamp: p.DeletionTimestamp,
			Labels:      only(p.Labels, contract.LabelRevision, contract.LabelService, contract.LabelConfiguration),
			Annotations: only(p.Annotations, contract.AnnotationLimits, contract.AnnotationPorts, contract.AnnotationRetiring),
		},
		Spec:   corev1.PodSpec{ReadinessGates: p.Spec.ReadinessGates, NodeName: p.Spec.NodeName},
		Status: corev1.PodStatus{Phase: p.Status.Phase, PodIP: p.Status.PodIP},
	}
	for i := range p.Spec.Containers {
		c := &p.Spec.Containers[i]
		out.Spec.Containers = append(out.Spec.Containers, corev1.Container{Name: c.Name, Ports: c.Ports, ReadinessProbe: c.ReadinessProbe})
	}
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			out.Status.Conditions = append(out.Status.Conditions, corev1.PodCondition{Type: c.Type, Status: c.Status})
		}
	}
	for _, c := range p.Status.ContainerStatuses {
		kept := corev1.ContainerStatus{Name: c.Name, RestartCount: c.RestartCount}
		if c.State.Running != nil {
			kept.State.Running = &corev1.ContainerStateRunning{}
		}
		out.Status.ContainerStatuses = append(out.Status.ContainerStatuses, kept)
	}
	return out
}

func only(m map[string]string, keys ...string) map[string]string {
	out := make(map[string]string, len(keys))
	for _, k := range keys {
		if v, ok := m[k]; ok {
			out[k] = v
		}
	}
	return out
}
