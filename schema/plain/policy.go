package plain

import (
	"slices"

	"github.com/sluice-dev/sluice/schema"
)

// Policy says which plain objects a repository may bring. It belongs to the
// installation, never to the repository that it restricts.
type Policy struct {
	// Allow lists kinds beyond the default ones, as `KIND.GROUP`
	// (`Deployment.apps`) or `KIND` for the core group. Default none.
	Allow []string
	// ClusterScoped lists those of Allow that stand in no namespace and are
	// none of Kubernetes' own kinds. Default none.
	ClusterScoped []string
	// AllowSecrets lets Secrets with plaintext data through. Default false.
	AllowSecrets bool
}

// byDefault are the kinds that reach no further than their namespace's own
// workloads. Secret is among them for those without data.
var byDefault = []string{
	"ConfigMap", "Secret", "ServiceAccount", "Service", "PersistentVolumeClaim", "Namespace", "ResourceQuota", "LimitRange",
	"NetworkPolicy.networking.k8s.io", "PodDisruptionBudget.policy",
}

// allows reports whether the policy lets a kind through.
func (p Policy) allows(kind string) bool {
	return slices.Contains(byDefault, kind) || slices.Contains(p.Allow, kind)
}

// qualified is a kind with its group, as in `Deployment.apps`.
func qualified(apiVersion, kind string) string {
	if group := schema.GroupOf(apiVersion); group != "" {
		return kind + "." + group
	}
	return kind
}
