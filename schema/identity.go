package schema

import (
	"cmp"
	"strings"
)

// Identity names one object of a repository or a cluster. It leaves the
// version out: `serving.knative.dev/v1` and `v1alpha1` of one name are one
// object. A file's path is no part of it, so that moving a file changes
// nothing.
type Identity struct {
	// Group is the API group; empty for the core group.
	Group string `json:"group,omitempty"`
	// Kind is the kind as written, `Service`.
	Kind string `json:"kind"`
	// Namespace is empty for cluster-scoped kinds.
	Namespace string `json:"namespace,omitempty"`
	// Name is metadata.name.
	Name string `json:"name"`
}

// String reads as kubectl writes it: `Service.serving.knative.dev default/hello`.
func (i Identity) String() string {
	var b strings.Builder
	b.WriteString(i.Kind)
	if i.Group != "" {
		b.WriteByte('.')
		b.WriteString(i.Group)
	}
	b.WriteByte(' ')
	if i.Namespace != "" {
		b.WriteString(i.Namespace)
		b.WriteByte('/')
	}
	b.WriteString(i.Name)
	return b.String()
}

// IsZero reports whether the identity names nothing.
func (i Identity) IsZero() bool { return i == Identity{} }

// Compare orders identities by namespace, name, group and kind, the order in
// which every list of them is printed.
func (i Identity) Compare(o Identity) int {
	return cmp.Or(
		cmp.Compare(i.Namespace, o.Namespace),
		cmp.Compare(i.Name, o.Name),
		cmp.Compare(i.Group, o.Group),
		cmp.Compare(i.Kind, o.Kind),
	)
}

// ParseIdentity reads what String wrote. Text of another form gives the zero
// Identity.
func ParseIdentity(s string) Identity {
	kind, name, ok := strings.Cut(s, " ")
	if !ok || kind == "" || name == "" {
		return Identity{}
	}
	var i Identity
	i.Kind, i.Group, _ = strings.Cut(kind, ".")
	if ns, rest, ok := strings.Cut(name, "/"); ok {
		i.Namespace, i.Name = ns, rest
	} else {
		i.Name = name
	}
	return i
}
