package install

import (
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/schema/contract"
)

// operator is the account as which people ask the roles. No pod runs as it.
func operator() *corev1.ServiceAccount {
	a := account(contract.Operator)
	a.AutomountServiceAccountToken = ptr(false)
	return a
}

// operatorRole is for whom it is bound to: a token of the operator, and the way
// to the pods that are asked. Nobody is, so that the cluster's admins alone may
// ask at first.
func operatorRole() *rbacv1.Role {
	token := rule("", []string{"create"}, "serviceaccounts/token")
	token.ResourceNames = []string{contract.Operator}
	return &rbacv1.Role{
		TypeMeta:   metav1.TypeMeta{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "Role"},
		ObjectMeta: metav1.ObjectMeta{Namespace: contract.Namespace, Name: contract.Operator, Labels: labels(contract.Operator)},
		Rules: []rbacv1.PolicyRule{
			token,
			rule("", []string{"get", "create"}, "pods/proxy"),
			rule("", []string{"get", "list"}, "pods", "configmaps"),
			rule("coordination.k8s.io", []string{"get"}, "leases"),
		},
	}
}

// reviewRule is knowing whose a token is.
func reviewRule() rbacv1.PolicyRule {
	return rule("authentication.k8s.io", []string{"create"}, "tokenreviews")
}

// adminToken is a role's own token, by which it asks other roles; it is renewed
// within the hour.
func adminToken() corev1.Volume {
	return corev1.Volume{Name: "admin-token", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{
		Sources: []corev1.VolumeProjection{{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{
			Audience: contract.AdminAudience, ExpirationSeconds: ptr(int64(3600)), Path: contract.AdminTokenFile,
		}}},
	}}}
}

func adminMount() corev1.VolumeMount {
	return corev1.VolumeMount{Name: "admin-token", MountPath: contract.AdminTokenDir, ReadOnly: true}
}
