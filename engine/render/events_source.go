package render

import (
	"cmp"
	"encoding/json"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

// emitter is the Deployment of a source, and the host of one that is called
// from outside.
func (e events) emitter(m desired.Emitter) error {
	name := m.Name + contract.SourceSuffix
	if !e.needs(m.Refs...) {
		e.keep("apps/v1", "Deployment", m.Namespace, name)
		e.keep("networking.istio.io/v1", "VirtualService", m.Namespace, name)
		return nil
	}
	if m.GitHub != nil {
		if err := e.webhook(&m, name); err != nil {
			return err
		}
	}
	if ok, err := e.reader(&m, name); err != nil || !ok {
		e.keep("apps/v1", "Deployment", m.Namespace, name)
		return err
	}
	if err := e.memory(&m, name); err != nil {
		return err
	}
	pod, err := e.sourcePod(m, name)
	if err != nil {
		return err
	}
	labels := merged(m.Labels, map[string]string{contract.LabelSource: m.Name})
	pod.Labels = merged(pod.Labels, merged(labels, map[string]string{contract.LabelRevision: name}))
	annotations, err := farewellOf(m, pod)
	if err != nil {
		return err
	}
	return add(e.Result, e.u, e.c)(typed("apps/v1", "Deployment", &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: m.Namespace, Name: name, Labels: labels, Annotations: annotations},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{contract.LabelRevision: name}},
			// Two of one source would send everything twice, but for those that say
			// how many are to share.
			Strategy:                appsv1.DeploymentStrategy{Type: appsv1.RecreateDeploymentStrategyType},
			Replicas:                cmp.Or(m.Replicas, ptr(int32(1))),
			ProgressDeadlineSeconds: ptr(int32(120)),
			Template:                pod,
		},
	}), nil)
}

// webhook gives a source that is called from outside its host there.
func (e events) webhook(m *desired.Emitter, name string) error {
	host := e.c.Host(m.Namespace, name, "")
	hook := *m.GitHub
	scheme := "http"
	if hook.Secure {
		scheme = "https"
	}
	hook.Hook = scheme + "://" + host + "/"
	m.GitHub = &hook
	hosts := append([]string{host}, LocalHosts(m.Namespace, name, "")...)
	if err := e.externalName(m.Namespace, name, contract.ActivatorHost); err != nil {
		return err
	}
	return e.virtualService(m.Namespace, name, []string{contract.Gateway, "mesh"}, hosts, m.Namespace, name)
}

// sourcePod is the platform's image with a role of ours, or the user's own pod
// that is told where to send.
func (e events) sourcePod(m desired.Emitter, name string) (corev1.PodTemplateSpec, error) {
	if m.Pod != nil {
		pod := *m.Pod.DeepCopy()
		sinkEnv(&pod.Spec, m.Sink, m.Extensions, e.c)
		for i := range pod.Spec.Containers {
			pod.Spec.Containers[i].Name = cmp.Or(pod.Spec.Containers[i].Name, fmt.Sprintf("source-%d", i))
		}
		lastWords(pod.Spec.Containers)
		return pod, nil
	}
	spec, err := json.Marshal(m.Source)
	if err != nil {
		return corev1.PodTemplateSpec{}, fmt.Errorf("%s: %w", m.Ref, err)
	}
	env := append([]corev1.EnvVar{
		{Name: contract.EnvSource, Value: string(spec)},
		{Name: "POD_IP", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "status.podIP"}}},
	}, m.Env...)
	if e.c.Gateway != "" {
		env = append(env, corev1.EnvVar{Name: contract.EnvGateway, Value: e.c.Gateway})
	}
	container := corev1.Container{
		Name: "source", Image: e.c.Image, Env: env,
		Args: []string{"source", m.Type, "--admin", "$(POD_IP):" + fmt.Sprint(contract.AdminListen)},
		ReadinessProbe: &corev1.Probe{
			ProbeHandler:  corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/readyz", Port: intstr.FromInt32(contract.AdminListen)}},
			PeriodSeconds: 2,
		},
		SecurityContext: &corev1.SecurityContext{
			AllowPrivilegeEscalation: ptr(false), ReadOnlyRootFilesystem: ptr(true),
			Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		},
	}
	var annotations map[string]string
	if m.GitHub != nil {
		container.Args = append(container.Args, "--listen", "$(POD_IP):"+fmt.Sprint(contract.SourceListen))
		// No port is declared: one machine's node would choose another for it.
		limits, err := json.Marshal(contract.Limits{TimeoutSeconds: 60, Port: contract.SourceListen, Protocol: contract.ProtocolHTTP1})
		if err != nil {
			return corev1.PodTemplateSpec{}, fmt.Errorf("%s: %w", m.Ref, err)
		}
		annotations = map[string]string{contract.AnnotationLimits: string(limits)}
	}
	pod := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Annotations: annotations}, Spec: corev1.PodSpec{
		ServiceAccountName: m.ServiceAccount, EnableServiceLinks: ptr(false),
		// Only what reads the cluster, or remembers in it, gets a token for it.
		AutomountServiceAccountToken: ptr(m.Kubernetes != nil || remembers(&m)),
		SecurityContext:              &corev1.PodSecurityContext{RunAsNonRoot: ptr(true), RunAsUser: ptr(int64(65532)), RunAsGroup: ptr(int64(65532))},
		Containers:                   []corev1.Container{container},
	}}
	sinkEnv(&pod.Spec, m.Sink, m.Extensions, Config{})
	lastWords(pod.Spec.Containers)
	return pod, nil
}

// sinkEnv tells every container where events go, as Knative does. Where names
// below cluster.local are not resolved, a proxy is named beside it.
func sinkEnv(pod *corev1.PodSpec, sink contract.Destination, extensions map[string]string, c Config) {
	env := []corev1.EnvVar{{Name: contract.EnvSink, Value: sink.URL}}
	overrides, err := json.Marshal(map[string]any{"extensions": merged(extensions, nil)})
	if err == nil && len(extensions) > 0 {
		env = append(env, corev1.EnvVar{Name: contract.EnvOverrides, Value: string(overrides)})
	}
	if sink.CACerts != "" {
		env = append(env, corev1.EnvVar{Name: contract.EnvCACerts, Value: sink.CACerts})
	}
	if c.Gateway != "" {
		env = append(env, corev1.EnvVar{Name: "http_proxy", Value: "http://" + c.Gateway})
	}
	for i := range pod.InitContainers {
		pod.InitContainers[i].Env = append(pod.InitContainers[i].Env, env...)
	}
	for i := range pod.Containers {
		pod.Containers[i].Env = append(pod.Containers[i].Env, env...)
	}
}
