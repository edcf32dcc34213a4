package render

import (
	"encoding/json"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

// dispatcher is a bus's own process, where that bus is kept elsewhere: what
// befalls it befalls no other bus. It runs as the installation's dispatcher
// does, and reads the same Secrets.
func (e events) dispatcher(b desired.Bus) error {
	name := contract.DispatcherOf(b.Ref, b.Driver)
	if name == contract.Channels {
		return nil
	}
	labels := func() map[string]string { return map[string]string{contract.LabelDispatcher: name} } // each its own: others are added
	if err := add(e.Result, e.u, e.c)(typed("v1", "Service", &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: contract.Namespace, Name: name, Labels: labels()},
		Spec: corev1.ServiceSpec{
			Selector: labels(),
			Ports:    []corev1.ServicePort{{Name: "http", Port: contract.ChannelsPort, TargetPort: intstr.FromInt32(contract.ChannelsListen)}},
		},
	}), nil); err != nil {
		return err
	}
	pod, err := e.dispatcherPod(name)
	if err != nil {
		return fmt.Errorf("%s: %w", b.Ref, err)
	}
	return add(e.Result, e.u, e.c)(typed("apps/v1", "Deployment", &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: contract.Namespace, Name: name, Labels: labels()},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels()},
			// One at a time has a subscription's place.
			Strategy:                appsv1.DeploymentStrategy{Type: appsv1.RecreateDeploymentStrategyType},
			Replicas:                ptr(int32(1)),
			ProgressDeadlineSeconds: ptr(int32(120)),
			Template:                pod,
		},
	}), nil)
}

func (e events) dispatcherPod(name string) (corev1.PodTemplateSpec, error) {
	limits, err := json.Marshal(contract.Limits{TimeoutSeconds: 60, Port: contract.ChannelsListen, Protocol: contract.ProtocolHTTP1})
	if err != nil {
		return corev1.PodTemplateSpec{}, err
	}
	args := []string{"channels", "--name", name, "--listen", fmt.Sprintf("$(POD_IP):%d", contract.ChannelsListen), "--admin", fmt.Sprintf("$(POD_IP):%d", contract.AdminListen)}
	if e.c.Gateway != "" {
		args = append(args, "--gateway", e.c.Gateway)
	}
	probe := func(path string) *corev1.Probe {
		return &corev1.Probe{
			ProbeHandler:  corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: path, Port: intstr.FromInt32(contract.AdminListen)}},
			PeriodSeconds: 5, FailureThreshold: 3,
		}
	}
	pod := corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{
			Labels:      map[string]string{contract.LabelDispatcher: name, contract.LabelRevision: name},
			Annotations: map[string]string{contract.AnnotationLimits: string(limits)},
		},
		Spec: corev1.PodSpec{
			ServiceAccountName: contract.Channels, AutomountServiceAccountToken: ptr(true), EnableServiceLinks: ptr(false),
			TerminationGracePeriodSeconds: ptr(int64(60)),
			SecurityContext:               &corev1.PodSecurityContext{RunAsNonRoot: ptr(true), RunAsUser: ptr(int64(65532)), RunAsGroup: ptr(int64(65532))},
			Containers: []corev1.Container{{
				Name: contract.Channels, Image: e.c.Image, Args: args,
				Env:            []corev1.EnvVar{{Name: "POD_IP", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "status.podIP"}}}},
				ReadinessProbe: probe("/readyz"), LivenessProbe: probe("/healthz"),
				SecurityContext: &corev1.SecurityContext{
					AllowPrivilegeEscalation: ptr(false), ReadOnlyRootFilesystem: ptr(true),
					Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
				},
			}},
		},
	}
	lastWords(pod.Spec.Containers)
	return pod, nil
}
