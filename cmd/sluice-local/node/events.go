package node

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/record"
)

// Reasons of events, as the kubelet's.
const (
	reasonPulling         = "Pulling"
	reasonPulled          = "Pulled"
	reasonCreated         = "Created"
	reasonStarted         = "Started"
	reasonFailed          = "Failed"
	reasonBackOff         = "BackOff"
	reasonUnhealthy       = "Unhealthy"
	reasonKilling         = "Killing"
	reasonFailedMount     = "FailedMount"
	reasonFailedPostStart = "FailedPostStartHook"
	reasonFailedPreStop   = "FailedPreStopHook"
	reasonDeadline        = "DeadlineExceeded"
	reasonNoIsolation     = "NotIsolated"
)

// events tells what happens to pods, without making anybody wait.
type events struct {
	broadcaster record.EventBroadcaster
	recorder    record.EventRecorder
}

func startEvents(client kubernetes.Interface, node string) events {
	b := record.NewBroadcaster()
	b.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: client.CoreV1().Events("")})
	return events{b, b.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "kubelet", Host: node})}
}

func (e events) stop() { e.broadcaster.Shutdown() }

// of is a reference to a pod or, by name, to a container of it.
func of(pod *corev1.Pod, container string) *corev1.ObjectReference {
	ref := &corev1.ObjectReference{
		Kind: "Pod", APIVersion: "v1", Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID, ResourceVersion: pod.ResourceVersion,
	}
	if container == "" {
		return ref
	}
	ref.FieldPath = fmt.Sprintf("spec.containers{%s}", container)
	for _, c := range pod.Spec.InitContainers {
		if c.Name == container {
			ref.FieldPath = fmt.Sprintf("spec.initContainers{%s}", container)
		}
	}
	return ref
}

func (e events) normal(ref *corev1.ObjectReference, reason, format string, args ...any) {
	e.recorder.Eventf(ref, corev1.EventTypeNormal, reason, format, args...)
}

func (e events) warning(ref *corev1.ObjectReference, reason, format string, args ...any) {
	e.recorder.Eventf(ref, corev1.EventTypeWarning, reason, format, args...)
}
