package plain

import (
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	storagev1 "k8s.io/api/storage/v1"

	"github.com/sluice-dev/sluice/schema"
)

// known is a kind of Kubernetes whose fields are checked.
type known struct {
	apiVersion, kind string
	clusterScoped    bool
	// empty makes a value to decode into.
	empty func() any
}

// of says how a value of type T is made.
func of[T any]() any { return new(T) }

var table = []known{
	{"v1", "ConfigMap", false, of[corev1.ConfigMap]},
	{"v1", "Secret", false, of[corev1.Secret]},
	{"v1", "ServiceAccount", false, of[corev1.ServiceAccount]},
	{"v1", "Service", false, of[corev1.Service]},
	{"v1", "PersistentVolumeClaim", false, of[corev1.PersistentVolumeClaim]},
	{"v1", "PersistentVolume", true, of[corev1.PersistentVolume]},
	{"v1", "Namespace", true, of[corev1.Namespace]},
	{"v1", "Node", true, of[corev1.Node]},
	{"v1", "Pod", false, of[corev1.Pod]},
	{"v1", "ResourceQuota", false, of[corev1.ResourceQuota]},
	{"v1", "LimitRange", false, of[corev1.LimitRange]},
	{"apps/v1", "Deployment", false, of[appsv1.Deployment]},
	{"apps/v1", "StatefulSet", false, of[appsv1.StatefulSet]},
	{"apps/v1", "DaemonSet", false, of[appsv1.DaemonSet]},
	{"batch/v1", "Job", false, of[batchv1.Job]},
	{"batch/v1", "CronJob", false, of[batchv1.CronJob]},
	{"autoscaling/v2", "HorizontalPodAutoscaler", false, of[autoscalingv2.HorizontalPodAutoscaler]},
	{"networking.k8s.io/v1", "NetworkPolicy", false, of[networkingv1.NetworkPolicy]},
	{"networking.k8s.io/v1", "Ingress", false, of[networkingv1.Ingress]},
	{"policy/v1", "PodDisruptionBudget", false, of[policyv1.PodDisruptionBudget]},
	{"rbac.authorization.k8s.io/v1", "Role", false, of[rbacv1.Role]},
	{"rbac.authorization.k8s.io/v1", "RoleBinding", false, of[rbacv1.RoleBinding]},
	{"rbac.authorization.k8s.io/v1", "ClusterRole", true, of[rbacv1.ClusterRole]},
	{"rbac.authorization.k8s.io/v1", "ClusterRoleBinding", true, of[rbacv1.ClusterRoleBinding]},
	{"scheduling.k8s.io/v1", "PriorityClass", true, of[schedulingv1.PriorityClass]},
	{"storage.k8s.io/v1", "StorageClass", true, of[storagev1.StorageClass]},
}

// unchecked are cluster-scoped kinds that are known by name alone.
var unchecked = []known{
	{"apiextensions.k8s.io/v1", "CustomResourceDefinition", true, nil},
	{"admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", true, nil},
	{"admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", true, nil},
	{"admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy", true, nil},
	{"admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding", true, nil},
	{"apiregistration.k8s.io/v1", "APIService", true, nil},
}

// Kinds lists the kinds of Kubernetes, and one entry that answers for all
// others.
func Kinds(p Policy) []schema.Kind {
	var kinds []schema.Kind
	for _, k := range append(table[:len(table):len(table)], unchecked...) {
		kinds = append(kinds, schema.Kind{
			APIVersion: k.apiVersion, Kind: k.kind, ClusterScoped: k.clusterScoped, Foreign: true,
			Label:  k.kind == "Service" && k.apiVersion == "v1",
			Decode: p.decoder(k.empty),
		})
	}
	return append(kinds, schema.Kind{
		APIVersion: schema.Any, Kind: schema.Any, Foreign: true,
		Decode: p.decoder(nil),
	})
}
