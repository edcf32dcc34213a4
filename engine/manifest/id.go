package manifest

import (
	"strings"

	"github.com/sluice-dev/sluice/schema"
)

// ID addresses one object of a cluster. Unlike schema.Identity it has the
// version, which an API request needs.
type ID struct {
	// APIVersion is `apps/v1`, or `v1` for the core group.
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	// Namespace is empty for cluster-scoped kinds.
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
}

// Group is the API group; empty for core.
func (id ID) Group() string {
	if group, _, ok := strings.Cut(id.APIVersion, "/"); ok {
		return group
	}
	return ""
}

// Version is the API version without its group.
func (id ID) Version() string {
	if _, version, ok := strings.Cut(id.APIVersion, "/"); ok {
		return version
	}
	return id.APIVersion
}

// Identity is the ID without its version.
func (id ID) Identity() schema.Identity {
	return schema.Identity{Group: id.Group(), Kind: id.Kind, Namespace: id.Namespace, Name: id.Name}
}

// String reads `Deployment.apps default/hello-0123456789`.
func (id ID) String() string { return id.Identity().String() }

// Compare orders IDs as their identities.
func (id ID) Compare(o ID) int { return id.Identity().Compare(o.Identity()) }

// Kind is an ID without a name: what can be listed and watched.
type Kind struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
}

// KindOf is the ID's kind.
func (id ID) KindOf() Kind { return Kind{APIVersion: id.APIVersion, Kind: id.Kind} }

// String reads `Deployment.apps/v1`.
func (k Kind) String() string { return k.Kind + "." + k.APIVersion }
