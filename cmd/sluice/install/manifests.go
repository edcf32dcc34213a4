package install

import (
	"crypto/sha256"
	"encoding/hex"
	"net"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/sluice-dev/sluice/schema/contract"
)

// Where the engine finds its secrets.
const (
	GitSecretDir     = "/etc/sluice/git"
	WebhookSecretDir = "/etc/sluice/webhook"
	ForgeSecretDir   = "/etc/sluice/forge"
)

// Manifests is the platform: API objects in the order in which they can be
// applied.
func Manifests(s Settings) []any {
	out := []any{
		&corev1.Namespace{
			TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
			ObjectMeta: metav1.ObjectMeta{Name: contract.Namespace, Labels: map[string]string{"app.kubernetes.io/part-of": "sluice"}},
		},
		account(contract.Engine), account(contract.Activator), account(contract.Autoscaler), account(contract.Channels), operator(),
	}
	out = append(out, clusterRole(contract.Engine, engineRules(s))...)
	out = append(out, localRole(contract.Engine, engineLocalRules())...)
	out = append(out, clusterRole(contract.Activator, activatorRules())...)
	out = append(out, localRole(contract.Activator, activatorLocalRules())...)
	out = append(out, clusterRole(contract.Autoscaler, autoscalerRules())...)
	out = append(out, localRole(contract.Autoscaler, leaseRules())...)
	out = append(out, operatorRole())
	out = append(out, eventReader())
	out = append(out, clusterRole(contract.Channels, channelsRules())...)
	out = append(out, busSecrets(s)...)
	out = append(out, channelsService())
	out = append(append(out, eventsClaim(s)...), brokerIngress())
	out = append(out, settingsMap(s), activatorService(s))
	out = append(out, buildObjects(s)...)
	switch {
	case s.Istio:
		out = append(out, istioGateway(s))
	case s.Listen == "":
		out = append(out, ingress())
	}
	return append(out, autoscaler(s), activator(s), channels(s), engine(s))
}

func labels(component string) map[string]string {
	return map[string]string{"app.kubernetes.io/part-of": "sluice", contract.LabelComponent: component}
}

func account(name string) *corev1.ServiceAccount {
	return &corev1.ServiceAccount{
		TypeMeta:                     metav1.TypeMeta{APIVersion: "v1", Kind: "ServiceAccount"},
		ObjectMeta:                   metav1.ObjectMeta{Namespace: contract.Namespace, Name: name, Labels: labels(name)},
		AutomountServiceAccountToken: ptr(true),
	}
}

func settingsMap(s Settings) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: metav1.ObjectMeta{Namespace: contract.Namespace, Name: ConfigMap, Labels: labels(contract.Engine)},
		Data:       map[string]string{Key: s.Encode()},
	}
}

// ingress lets the world in where neither a mesh nor an address of the node
// does: whatever gives Services of type LoadBalancer their address leads here.
func ingress() *corev1.Service {
	return &corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: metav1.ObjectMeta{Namespace: contract.Namespace, Name: contract.Ingress, Labels: labels(contract.Activator)},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeLoadBalancer, Selector: labels(contract.Activator),
			Ports: []corev1.ServicePort{{Name: "http", Port: 80, TargetPort: intstr.FromInt32(contract.ActivatorListen)}},
		},
	}
}

// activatorService is what every VirtualService sends to, and what every
// service's name in the cluster means.
func activatorService(s Settings) *corev1.Service {
	return &corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: metav1.ObjectMeta{Namespace: contract.Namespace, Name: contract.Activator, Labels: labels(contract.Activator)},
		Spec: corev1.ServiceSpec{
			Selector: labels(contract.Activator),
			Ports:    []corev1.ServicePort{{Name: "http", Port: contract.ActivatorPort, TargetPort: intstr.FromInt32(s.insidePort())}},
		},
	}
}

// istioGateway lets external hosts in where Istio is the ingress.
func istioGateway(s Settings) map[string]any {
	servers := []any{map[string]any{
		"hosts": []any{"*"},
		"port":  map[string]any{"name": "http", "number": 80, "protocol": "HTTP"},
	}}
	if s.TLSSecret != "" {
		servers = append(servers, map[string]any{
			"hosts": []any{"*." + s.Domain},
			"port":  map[string]any{"name": "https", "number": 443, "protocol": "HTTPS"},
			"tls":   map[string]any{"mode": "SIMPLE", "credentialName": s.TLSSecret},
		})
	}
	return map[string]any{
		"apiVersion": "networking.istio.io/v1", "kind": "Gateway",
		"metadata": map[string]any{"namespace": contract.Namespace, "name": "sluice-gateway", "labels": labels(contract.Activator)},
		"spec": map[string]any{
			"selector": map[string]any{contract.IngressLabel: contract.IngressValue},
			"servers":  servers,
		},
	}
}

// activator is the data plane's one hop.
func activator(s Settings) *appsv1.Deployment {
	args := []string{"activator", "--admin", "$(POD_IP):" + strconv.Itoa(contract.AdminListen), "--stop-delay", stopDelay(s)}
	if s.Listen != "" {
		args = append(args, "--listen", s.Listen)
		if isLoopback(s.Listen) {
			args = append(args, "--mesh") // nobody but this machine's own pods is inside
		}
	}
	if s.Istio {
		args = append(args, "--behind-mesh")
	}
	if s.RequestLog != "" {
		args = append(args, "--request-log", s.RequestLog)
	}
	if s.Traces != "" {
		args = append(args, "--traces", s.Traces)
	}
	d := deployment(contract.Activator, s, args)
	pod := &d.Spec.Template.Spec
	pod.TerminationGracePeriodSeconds = ptr(int64(600))
	if s.Listen != "" {
		// No port is declared: it would be taken for one of the node's that only
		// one pod can have, and a successor has to listen beside the one it follows.
		pod.HostNetwork = true
		return d
	}
	pod.Containers[0].Ports = []corev1.ContainerPort{{Name: "http", ContainerPort: contract.ActivatorListen}}
	if !s.Istio {
		pod.Containers[0].Args = append(pod.Containers[0].Args, "--inside", "$(POD_IP):"+strconv.Itoa(contract.ActivatorInside))
		pod.Containers[0].Ports = append(pod.Containers[0].Ports, corev1.ContainerPort{Name: "inside", ContainerPort: contract.ActivatorInside})
	}
	return d
}

// stopDelay is how long a stopping activator still takes requests after another
// does: until the cluster's balancers have heard of it. Where both listen on the
// same address, only clients have to.
func stopDelay(s Settings) string {
	if s.Listen != "" {
		return "2s"
	}
	return "5s"
}

// autoscaler decides how many pods each revision has.
func autoscaler(s Settings) *appsv1.Deployment {
	d := deployment(contract.Autoscaler, s, []string{
		"autoscaler", "--listen", "$(POD_IP):" + strconv.Itoa(contract.AutoscalerListen),
		"--admin", "$(POD_IP):" + strconv.Itoa(contract.AdminListen),
	})
	return d
}

func isLoopback(address string) bool {
	host, _, _ := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// engine is the sync engine. Two of it agree by a lease who works.
func engine(s Settings) *appsv1.Deployment {
	d := deployment(contract.Engine, s, []string{"engine", "--admin", "$(POD_IP):" + strconv.Itoa(contract.AdminListen)})
	mount := func(name, path string, source corev1.VolumeSource) {
		pod := &d.Spec.Template.Spec
		pod.Volumes = append(pod.Volumes, corev1.Volume{Name: name, VolumeSource: source})
		pod.Containers[0].VolumeMounts = append(pod.Containers[0].VolumeMounts, corev1.VolumeMount{Name: name, MountPath: path, ReadOnly: true})
	}
	if path := s.LocalRepository(); path != "" {
		mount("repository", path, corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: path, Type: ptr(corev1.HostPathDirectory)}})
	}
	if s.GitSecret != "" {
		mount("git", GitSecretDir, secret(s.GitSecret))
	}
	if s.WebhookSecret != "" {
		mount("webhook", WebhookSecretDir, secret(s.WebhookSecret))
	}
	if s.ForgeSecret != "" {
		mount("forge", ForgeSecretDir, secret(s.ForgeSecret))
	}
	return d
}

func secret(name string) corev1.VolumeSource {
	return corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: name, DefaultMode: ptr(int32(0o400))}}
}

// deployment is what both roles have in common.
func deployment(name string, s Settings, args []string) *appsv1.Deployment {
	probe := func(path string, period int32) *corev1.Probe {
		return &corev1.Probe{
			ProbeHandler:  corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: path, Port: intstr.FromInt32(contract.AdminListen)}},
			PeriodSeconds: period, FailureThreshold: 3,
		}
	}
	sum := sha256.Sum256([]byte(s.Encode()))
	return &appsv1.Deployment{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: metav1.ObjectMeta{Namespace: contract.Namespace, Name: name, Labels: labels(name)},
		Spec: appsv1.DeploymentSpec{
			Replicas: ptr(int32(1)),
			Selector: &metav1.LabelSelector{MatchLabels: labels(name)},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{
					Labels: labels(name),
					// New settings are new pods.
					Annotations: map[string]string{"sluice.dev/settings": hex.EncodeToString(sum[:8])},
				},
				Spec: corev1.PodSpec{
					ServiceAccountName: name,
					EnableServiceLinks: ptr(false),
					SecurityContext:    &corev1.PodSecurityContext{RunAsNonRoot: ptr(true), RunAsUser: ptr(int64(65532)), RunAsGroup: ptr(int64(65532)), FSGroup: ptr(int64(65532))},
					Volumes:            []corev1.Volume{adminToken()},
					Containers: []corev1.Container{{
						Name: name, VolumeMounts: []corev1.VolumeMount{adminMount()}, Image: s.Image, Args: args,
						Env: []corev1.EnvVar{
							{Name: "POD_IP", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "status.podIP"}}},
							{Name: "POD_NAME", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.name"}}},
						},
						ReadinessProbe: probe("/readyz", 1), // the first try comes too early
						LivenessProbe:  probe("/healthz", 5),
						SecurityContext: &corev1.SecurityContext{
							AllowPrivilegeEscalation: ptr(false), ReadOnlyRootFilesystem: ptr(true),
							Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
						},
					}},
				},
			},
		},
	}
}

func ptr[T any](v T) *T { return &v }
