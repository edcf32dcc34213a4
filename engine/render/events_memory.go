package render

import (
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

// memory gives a source that goes on where it was a ConfigMap to remember it in,
// and its account the right to this one. The engine never fills it; it goes
// with the source.
func (e events) memory(m *desired.Emitter, name string) error {
	if !remembers(m) {
		return nil
	}
	add := add(e.Result, e.u, e.c)
	meta := func(suffix string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: m.Namespace, Name: name + suffix}
	}
	if m.ServiceAccount == "" {
		m.ServiceAccount = name
		if err := add(typed("v1", "ServiceAccount", &corev1.ServiceAccount{ObjectMeta: meta("")}), nil); err != nil {
			return err
		}
	}
	if err := add(typed("v1", "ConfigMap", &corev1.ConfigMap{ObjectMeta: meta("")}), nil); err != nil {
		return err
	}
	m.Env = append(m.Env, corev1.EnvVar{Name: contract.EnvMemory, Value: name})
	const group = "rbac.authorization.k8s.io"
	err := add(typed(group+"/v1", "Role", &rbacv1.Role{
		ObjectMeta: meta("-memory"),
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"configmaps"}, ResourceNames: []string{name}, Verbs: []string{"get", "patch"}}},
	}), nil)
	if err != nil {
		return err
	}
	return add(typed(group+"/v1", "RoleBinding", &rbacv1.RoleBinding{
		ObjectMeta: meta("-memory"),
		RoleRef:    rbacv1.RoleRef{APIGroup: group, Kind: "Role", Name: name + "-memory"},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: m.Namespace, Name: m.ServiceAccount}},
	}), nil)
}

// remembers reports whether it counts for a source how far it was.
func remembers(m *desired.Emitter) bool {
	return m.Kubernetes != nil || m.Ping != nil && m.Ping.Missed != "" && m.Ping.Missed != contract.MissedSkip
}
