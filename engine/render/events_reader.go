package render

import (
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

// reader gives a source of Kubernetes events, where its spec names no account,
// one that may read Events in its own namespace and nothing else.
// It is false if that is not enough.
func (e events) reader(m *desired.Emitter, name string) (bool, error) {
	if m.Kubernetes == nil || m.ServiceAccount != "" {
		return true, nil
	}
	if !eventsAlone(m.Kubernetes) {
		e.unmet(desired.Place{Path: "spec.serviceAccountName"},
			"serviceAccountName is missing: without one a source may read Events of its own namespace alone; name an account that may list and watch these objects")
		return false, nil
	}
	m.ServiceAccount = name
	meta := metav1.ObjectMeta{Namespace: m.Namespace, Name: name}
	if err := add(e.Result, e.u, e.c)(typed("v1", "ServiceAccount", &corev1.ServiceAccount{ObjectMeta: meta}), nil); err != nil {
		return false, err
	}
	return true, add(e.Result, e.u, e.c)(typed("rbac.authorization.k8s.io/v1", "RoleBinding", &rbacv1.RoleBinding{
		ObjectMeta: *meta.DeepCopy(),
		RoleRef:    rbacv1.RoleRef{APIGroup: "rbac.authorization.k8s.io", Kind: "ClusterRole", Name: contract.EventReaderRole},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: m.Namespace, Name: name}},
	}), nil)
}

// eventsAlone reports whether a source reads Events of its own namespace.
func eventsAlone(k *contract.KubernetesSource) bool {
	for _, r := range k.Resources {
		if r.Kind != "Event" {
			return false
		}
	}
	return len(k.Namespaces) == 0
}
