package install

import (
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/schema/contract"
)

// write is what server-side apply and pruning need.
var write = []string{"get", "list", "watch", "create", "patch", "delete"}

// watch is what an informer needs.
var watch = []string{"get", "list", "watch"}

// engineRules is what the engine may do in all namespaces: what specs lower
// to, the plain kinds of the policy, and reading pods for their last words.
func engineRules(s Settings) []rbacv1.PolicyRule {
	rules := []rbacv1.PolicyRule{
		rule("apps", write, "deployments"),
		rule("networking.istio.io", write, "virtualservices", "gateways"),
		rule("", write, "services", "configmaps", "serviceaccounts", "persistentvolumeclaims", "resourcequotas", "limitranges"),
		rule("", []string{"get", "list", "watch", "create", "patch"}, "namespaces"),
		rule("networking.k8s.io", write, "networkpolicies"),
		rule("policy", write, "poddisruptionbudgets"),
		rule("autoscaling", write, "horizontalpodautoscalers"),
		rule("", watch, "pods"),
		rule("", []string{"get"}, "pods/log"),
		rule("", []string{"create", "patch"}, "events"),
		rule("events.k8s.io", []string{"create", "patch"}, "events"),
		rule("rbac.authorization.k8s.io", write, "rolebindings", "roles"), // of what it may do itself: Kubernetes grants no more
		bindReader(),
	}
	rules = append(rules, buildRules(s)...)
	if s.AllowSecrets {
		rules = append(rules, rule("", write, "secrets"))
	}
	if len(s.PullSecrets) > 0 {
		pull := rule("", []string{"get"}, "secrets")
		pull.ResourceNames = s.PullSecrets
		rules = append(rules, pull)
	}
	for _, kind := range s.Allow {
		name, group, _ := strings.Cut(kind, ".")
		rules = append(rules, rule(group, write, plural(name)))
	}
	return rules
}

// leaseRules is what electing a leader takes, in our own namespace.
func leaseRules() []rbacv1.PolicyRule {
	return []rbacv1.PolicyRule{
		rule("coordination.k8s.io", []string{"get", "create", "update", "patch"}, "leases"),
	}
}

// engineLocalRules is what the engine may do in its own namespace: elect a
// leader, and keep the newest commit. (Creating cannot be bound to a name.)
func engineLocalRules() []rbacv1.PolicyRule {
	kept := rule("", []string{"get", "patch", "update"}, "secrets")
	kept.ResourceNames = []string{contract.CommitSecret}
	return append(leaseRules(), rule("", []string{"create"}, "secrets"), kept)
}

// activatorRules is what the data plane reads; and, for when no autoscaler
// answers, how it wakes a revision itself.
func activatorRules() []rbacv1.PolicyRule {
	return []rbacv1.PolicyRule{
		rule("", watch, "pods"),
		rule("networking.istio.io", watch, "virtualservices"),
		rule("apps", []string{"get"}, "deployments"),
		rule("apps", []string{"get", "update"}, "deployments/scale"),
		reviewRule(),
	}
}

// activatorLocalRules is how an activator finds the autoscaler that leads.
func activatorLocalRules() []rbacv1.PolicyRule {
	return []rbacv1.PolicyRule{rule("coordination.k8s.io", watch, "leases")}
}

// autoscalerRules is what scaling reads and writes.
func autoscalerRules() []rbacv1.PolicyRule {
	return []rbacv1.PolicyRule{
		rule("apps", []string{"get", "list", "watch", "patch"}, "deployments"),
		rule("apps", []string{"get", "patch", "update"}, "deployments/scale"),
		rule("", []string{"list", "patch"}, "pods"),
		rule("networking.istio.io", watch, "virtualservices"),
		reviewRule(),
	}
}

func rule(group string, verbs []string, resources ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{APIGroups: []string{group}, Resources: resources, Verbs: slices.Clone(verbs)}
}

// plural is the resource name of a kind by Kubernetes' own convention.
func plural(kind string) string {
	k := strings.ToLower(kind)
	switch {
	case strings.HasSuffix(k, "s"), strings.HasSuffix(k, "x"), strings.HasSuffix(k, "ch"):
		return k + "es"
	case strings.HasSuffix(k, "y") && !strings.HasSuffix(k, "ay") && !strings.HasSuffix(k, "ey"):
		return strings.TrimSuffix(k, "y") + "ies"
	}
	return k + "s"
}

// clusterRole binds rules to a ServiceAccount of ours in all namespaces.
func clusterRole(account string, rules []rbacv1.PolicyRule) []any {
	name := "sluice-" + account
	return []any{
		&rbacv1.ClusterRole{
			TypeMeta:   metav1.TypeMeta{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "ClusterRole"},
			ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels(account)},
			Rules:      rules,
		},
		&rbacv1.ClusterRoleBinding{
			TypeMeta:   metav1.TypeMeta{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "ClusterRoleBinding"},
			ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels(account)},
			RoleRef:    rbacv1.RoleRef{APIGroup: "rbac.authorization.k8s.io", Kind: "ClusterRole", Name: name},
			Subjects:   []rbacv1.Subject{subject(account)},
		},
	}
}

// localRole binds rules to a ServiceAccount of ours in our own namespace.
func localRole(account string, rules []rbacv1.PolicyRule) []any {
	return []any{
		&rbacv1.Role{
			TypeMeta:   metav1.TypeMeta{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "Role"},
			ObjectMeta: metav1.ObjectMeta{Namespace: contract.Namespace, Name: account, Labels: labels(account)},
			Rules:      rules,
		},
		&rbacv1.RoleBinding{
			TypeMeta:   metav1.TypeMeta{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "RoleBinding"},
			ObjectMeta: metav1.ObjectMeta{Namespace: contract.Namespace, Name: account, Labels: labels(account)},
			RoleRef:    rbacv1.RoleRef{APIGroup: "rbac.authorization.k8s.io", Kind: "Role", Name: account},
			Subjects:   []rbacv1.Subject{subject(account)},
		},
	}
}

func subject(account string) rbacv1.Subject {
	return rbacv1.Subject{Kind: "ServiceAccount", Namespace: contract.Namespace, Name: account}
}
