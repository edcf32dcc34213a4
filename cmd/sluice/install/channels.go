package install

import (
	"encoding/json"
	"fmt"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/sluice-dev/sluice/schema/contract"
)

const (
	// EventsDir is where the embedded bus keeps its files.
	EventsDir = "/var/lib/sluice/events"
	// DefaultEventsSize is the size of the volume for them.
	DefaultEventsSize = "10Gi"
)

// channelsRules is what the events' data plane reads.
func channelsRules() []rbacv1.PolicyRule {
	return []rbacv1.PolicyRule{rule("", watch, "configmaps"), reviewRule()}
}

// channelsService is what every channel's own Service points at.
func channelsService() *corev1.Service {
	return &corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: metav1.ObjectMeta{Namespace: contract.Namespace, Name: contract.Channels, Labels: labels(contract.Channels)},
		Spec: corev1.ServiceSpec{
			Selector: labels(contract.Channels),
			Ports:    []corev1.ServicePort{{Name: "http", Port: contract.ChannelsPort, TargetPort: intstr.FromInt32(contract.ChannelsListen)}},
		},
	}
}

// channels is the events' data plane. One process at a time has the files of the
// embedded bus; while another takes over, the activator holds events.
func channels(s Settings) *appsv1.Deployment {
	args := []string{
		"channels", "--listen", "$(POD_IP):" + strconv.Itoa(contract.ChannelsListen),
		"--admin", "$(POD_IP):" + strconv.Itoa(contract.AdminListen), "--data", EventsDir,
	}
	if gateway := s.Gateway(); gateway != "" {
		args = append(args, "--gateway", gateway)
	}
	d := deployment(contract.Channels, s, args)
	d.Spec.Strategy.Type = appsv1.RecreateDeploymentStrategyType
	t := &d.Spec.Template
	// Its pods are a revision to the activator, but not one that is scaled: the
	// Deployment has not this label.
	t.Labels[contract.LabelRevision], t.Labels[contract.LabelDispatcher] = contract.Channels, contract.Channels
	t.Annotations[contract.AnnotationLimits] = channelsLimits()
	pod := &t.Spec
	// No port is declared: it would be taken for one that the node may move.
	pod.TerminationGracePeriodSeconds = ptr(int64(60))
	pod.Volumes = append(pod.Volumes, corev1.Volume{Name: "events", VolumeSource: s.eventsVolume()})
	pod.Containers[0].VolumeMounts = append(pod.Containers[0].VolumeMounts, corev1.VolumeMount{Name: "events", MountPath: EventsDir})
	return d
}

// channelsLimits is what the activator has to know of the pods.
func channelsLimits() string {
	b, err := json.Marshal(contract.Limits{TimeoutSeconds: 60, Port: contract.ChannelsListen, Protocol: contract.ProtocolHTTP1})
	if err != nil {
		panic(fmt.Sprintf("install: limits are always JSON: %v", err))
	}
	return string(b)
}

// eventsVolume is a folder of the node, or a claim.
func (s Settings) eventsVolume() corev1.VolumeSource {
	if s.EventsPath != "" {
		return corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: s.EventsPath, Type: ptr(corev1.HostPathDirectoryOrCreate)}}
	}
	return corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: contract.Channels}}
}

// eventsClaim is for the files of the embedded bus; none where they are in a
// folder of the node.
func eventsClaim(s Settings) []any {
	if s.EventsPath != "" {
		return nil
	}
	return []any{&corev1.PersistentVolumeClaim{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "PersistentVolumeClaim"},
		ObjectMeta: metav1.ObjectMeta{Namespace: contract.Namespace, Name: contract.Channels, Labels: labels(contract.Channels)},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(s.EventsSize)}},
		},
	}}
}
