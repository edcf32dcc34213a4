package render

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

// progressDeadline is how long a revision may take to become ready before it
// counts as failed. Knative's default (`progress-deadline`).
const progressDeadline = 600

// parting is how long a pod that is deleted goes on, in seconds, before its
// containers are told: until the activators have heard of it and send it nothing
// more, which takes milliseconds. Kubernetes knows no less; it takes such a
// pause since 1.30.
const parting = 1

// Annotations of the template that shape the Deployment.
const (
	annotationProgress = "serving.knative.dev/progress-deadline"
	annotationInitial  = "autoscaling.knative.dev/initial-scale"
)

// deployment is the one Deployment of a revision. It never changes once it is
// there, but for its replicas, which are the autoscaler's.
func deployment(w desired.Workload, c Config) (built, error) {
	limits, err := limitsOf(w.Template)
	if err != nil {
		return built{}, fmt.Errorf("revision %s: %w", w.Revision, err)
	}
	labels := revisionLabels(w)
	annotations := map[string]string{contract.AnnotationLimits: limits}
	d := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: w.Namespace, Name: w.Revision, Labels: labels,
			Annotations: merged(w.Template.Annotations, annotations),
		},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{contract.LabelRevision: w.Revision}},
			Strategy: appsv1.DeploymentStrategy{
				Type:          appsv1.RollingUpdateDeploymentStrategyType,
				RollingUpdate: &appsv1.RollingUpdateDeployment{MaxUnavailable: ptr(intstr.FromInt32(0))},
			},
			ProgressDeadlineSeconds: ptr(deadline(w.Template)),
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{
					Labels:      merged(w.Template.Labels, labels),
					Annotations: merged(w.Template.Annotations, annotations),
				},
				Spec: podSpec(w),
			},
		},
	}
	b := typed("apps/v1", "Deployment", d)
	b.replicas = initialScale(w.Template)
	return b, nil
}

// revisionLabels are Knative's, so that its users' tools find their pods.
func revisionLabels(w desired.Workload) map[string]string {
	labels := map[string]string{
		contract.LabelConfiguration: w.Configuration,
		contract.LabelRevision:      w.Revision,
	}
	if w.Service != "" {
		labels[contract.LabelService] = w.Service
	}
	return labels
}

// podSpec is the template's, with what the runtime contract promises: the
// port and the names in the environment of the serving container. No sidecar.
func podSpec(w desired.Workload) corev1.PodSpec {
	pod := *w.Template.Pod.DeepCopy()
	if pod.TerminationGracePeriodSeconds == nil {
		pod.TerminationGracePeriodSeconds = ptr(w.Template.TimeoutSeconds + parting)
	}
	serving := w.Template.ServingContainer()
	for i := range pod.Containers {
		env := []corev1.EnvVar{
			{Name: contract.EnvService, Value: w.Service},
			{Name: contract.EnvConfiguration, Value: w.Configuration},
			{Name: contract.EnvRevision, Value: w.Revision},
		}
		if i == serving && len(pod.Containers[i].Ports) > 0 {
			port := strconv.Itoa(int(pod.Containers[i].Ports[0].ContainerPort))
			env = append([]corev1.EnvVar{{Name: contract.EnvPort, Value: port}}, env...)
		}
		pod.Containers[i].Env = append(pod.Containers[i].Env, env...)
	}
	lastWords(pod.InitContainers)
	lastWords(pod.Containers)
	if *pod.TerminationGracePeriodSeconds > parting {
		part(pod.Containers)
	}
	return pod
}

// part has containers wait before they are told to end.
func part(containers []corev1.Container) {
	for i := range containers {
		containers[i].Lifecycle = &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{Sleep: &corev1.SleepAction{Seconds: parting}}}
	}
}

// lastWords has Kubernetes keep the end of a failed container's log where the
// container itself leaves no message, so that the status can tell it.
func lastWords(containers []corev1.Container) {
	for i := range containers {
		if containers[i].TerminationMessagePolicy == "" {
			containers[i].TerminationMessagePolicy = corev1.TerminationMessageFallbackToLogsOnError
		}
	}
}

// limitsOf is what the activator has to know of the revision.
func limitsOf(t desired.Template) (string, error) {
	l := contract.Limits{
		ContainerConcurrency:        t.ContainerConcurrency,
		TimeoutSeconds:              t.TimeoutSeconds,
		ResponseStartTimeoutSeconds: t.ResponseStartTimeoutSeconds,
		IdleTimeoutSeconds:          t.IdleTimeoutSeconds,
		Port:                        contract.DefaultPort,
		Protocol:                    contract.ProtocolHTTP1,
	}
	if ports := t.Pod.Containers[t.ServingContainer()].Ports; len(ports) > 0 {
		l.Port = ports[0].ContainerPort
		if ports[0].Name == contract.ProtocolH2C {
			l.Protocol = contract.ProtocolH2C
		}
	}
	b, err := json.Marshal(l)
	return string(b), err
}

// deadline is the template's own progress deadline in seconds, or Knative's.
func deadline(t desired.Template) int32 {
	d, err := time.ParseDuration(t.Annotations[annotationProgress])
	if err != nil || d < time.Second {
		return progressDeadline
	}
	return int32(d / time.Second)
}

// initialScale is how many pods a revision begins with: Knative's
// initial-scale (default 1), but never fewer than its min-scale, nor than one
// for a HorizontalPodAutoscaler. Nil is 1.
func initialScale(t desired.Template) *int32 {
	n := int32(1)
	if v, err := strconv.ParseInt(t.Annotations[annotationInitial], 10, 32); err == nil {
		n = int32(v)
	}
	if v, err := strconv.ParseInt(t.Annotations[annotationMin], 10, 32); err == nil {
		n = max(n, int32(v))
	}
	if byHPA(t) {
		n = max(n, 1)
	}
	if n == 1 {
		return nil
	}
	return &n
}

// merged is both maps; what stands in over wins.
func merged(base, over map[string]string) map[string]string {
	out := make(map[string]string, len(base)+len(over))
	maps.Copy(out, base)
	maps.Copy(out, over)
	return out
}

// joinPairs writes a map as `k=v,k=v`, sorted.
func joinPairs(m map[string]string) string {
	pairs := make([]string, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		pairs = append(pairs, k+"="+m[k])
	}
	return strings.Join(pairs, ",")
}

func ptr[T any](v T) *T { return &v }
