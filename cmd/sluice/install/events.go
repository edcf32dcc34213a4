package install

import (
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
