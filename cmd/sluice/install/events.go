package install

import (
	"fmt"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/schema/contract"
)

// bindReader lets the engine give a source the right to read Events, and no
// other right: Kubernetes refuses a binding to any role but this.
func bindReader() rbacv1.PolicyRule {
	r := rule("rbac.authorization.k8s.io", []string{"bind"}, "clusterroles")
	r.ResourceNames = []string{contract.EventReaderRole}
	return r
}

// eventReader is what a source of Kubernetes events may read.
func eventReader() *rbacv1.ClusterRole {
	return &rbacv1.ClusterRole{
		TypeMeta:   metav1.TypeMeta{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "ClusterRole"},
		ObjectMeta: metav1.ObjectMeta{Name: contract.EventReaderRole, Labels: labels(contract.Engine)},
		Rules:      []rbacv1.PolicyRule{rule("", watch, "events"), rule("events.k8s.io", watch, "events")},
	}
}

// validateBusSecrets says what is wrong with --bus-secret.
func (s Settings) validateBusSecrets() error {
	for _, text := range s.BusSecrets {
		if namespace, name, ok := strings.Cut(text, "/"); !ok || namespace == "" || name == "" {
			return fmt.Errorf("--bus-secret %q: want NAMESPACE/NAME of a Secret", text)
		}
	}
	return nil
}

// busSecrets lets the dispatcher read the Secrets that are named, each on its
// own, and no other.
func busSecrets(s Settings) []any {
	var out []any
	for _, text := range s.BusSecrets {
		namespace, name, _ := strings.Cut(text, "/")
		read := rule("", []string{"get"}, "secrets")
		read.ResourceNames = []string{name}
		role := "sluice-bus-" + name
		meta := metav1.ObjectMeta{Namespace: namespace, Name: role, Labels: labels(contract.Channels)}
		out = append(out, &rbacv1.Role{
			TypeMeta: metav1.TypeMeta{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "Role"}, ObjectMeta: meta,
			Rules: []rbacv1.PolicyRule{read},
		}, &rbacv1.RoleBinding{
			TypeMeta: metav1.TypeMeta{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "RoleBinding"}, ObjectMeta: meta,
			RoleRef:  rbacv1.RoleRef{APIGroup: "rbac.authorization.k8s.io", Kind: "Role", Name: role},
			Subjects: []rbacv1.Subject{subject(contract.Channels)},
		})
	}
	return out
}

// brokerIngress is the host by which users of Knative reach every Broker.
func brokerIngress() map[string]any {
	return map[string]any{
		"apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
		"metadata": map[string]any{"namespace": contract.Namespace, "name": "broker-ingress", "labels": labels(contract.Channels)},
		"spec": map[string]any{
			"gateways": []any{"mesh"},
			"hosts":    []any{contract.BrokerIngressHost, strings.TrimSuffix(contract.BrokerIngressHost, "."+contract.ClusterDomain)},
			"http": []any{map[string]any{
				"name": "default",
				"route": []any{map[string]any{
					"destination": map[string]any{"host": contract.ActivatorHost, "port": map[string]any{"number": contract.ActivatorPort}},
					"headers": map[string]any{"request": map[string]any{"set": map[string]any{
						contract.HeaderNamespace: contract.Namespace, contract.HeaderRevision: contract.Channels,
					}}},
				}},
			}},
		},
	}
}
