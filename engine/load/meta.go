package load

import (
	"fmt"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/sluice-dev/sluice/schema"
)

// defaultNamespace is where what names no namespace belongs.
const defaultNamespace = "default"

// byCluster are the fields of metadata that a cluster writes. Copied into Git
// they mean nothing.
var byCluster = []string{"uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "managedFields", "selfLink"}

// meta reads whose a document is. named reports whether the name can be
// trusted; r.held is set where something else in metadata is wrong.
func (r *reader) meta(root, node *yaml.Node, h header, kind schema.Kind) (id schema.Identity, named bool) {
	id = schema.Identity{Group: schema.GroupOf(h.apiVersion), Kind: h.kind}
	at := place{root: root, id: id}
	r.held = false
	key, meta := find(node, "metadata", 0)
	if key == nil || resolveAlias(meta).Kind != yaml.MappingNode {
		r.problemAt(at, "metadata", "metadata.name is missing: a manifest says whose it is")
		return id, false
	}
	meta = resolveAlias(meta)
	named = r.name(&at, meta, kind)
	named = r.namespace(&at, meta, kind) && named
	r.reserved(at, node, meta)
	return at.id, named
}

// name reads metadata.name.
func (r *reader) name(at *place, meta *yaml.Node, kind schema.Kind) bool {
	_, generate := find(meta, "generateName", 0)
	_, n := find(meta, "name", 0)
	if n == nil && generate != nil {
		r.problemAt(*at, "metadata.generateName", "a generated name differs each time, but Git describes one object: write metadata.name")
		return false
	}
	name, ok := word(n)
	if !ok {
		r.problemAt(*at, "metadata.name", "metadata.name is missing or is not a string")
		return false
	}
	if generate != nil {
		r.warnAt(*at, "metadata.generateName", "is not acted on beside metadata.name")
	}
	at.id.Name = name
	if kind.Label && len(validation.IsDNS1035Label(name)) > 0 {
		r.problemAt(*at, "metadata.name", fmt.Sprintf("%s is no DNS-1035 label: use lower-case letters, digits and dashes, begin with a letter, end with no dash, at most 63 characters", quote(name)))
		return false
	}
	if !kind.Label && len(validation.IsDNS1123Subdomain(name)) > 0 && !pathName(at.id.Group, name) {
		r.problemAt(*at, "metadata.name", fmt.Sprintf("%s is no DNS-1123 subdomain: use lower-case letters, digits, dashes and dots, at most 253 characters", quote(name)))
		return false
	}
	return true
}

// pathName reports whether a name is one of the few that Kubernetes checks
// less strictly, as `system:reader` of a Role.
func pathName(group, name string) bool {
	return group == "rbac.authorization.k8s.io" && len(name) <= 253 && validation.IsDNS1123Subdomain(withoutColons(name)) == nil
}

func withoutColons(name string) string {
	b := []byte(name)
	for i := range b {
		if b[i] == ':' {
			b[i] = '-'
		}
	}
	return string(b)
}

// namespace reads metadata.namespace, by default `default`.
func (r *reader) namespace(at *place, meta *yaml.Node, kind schema.Kind) bool {
	_, n := find(meta, "namespace", 0)
	if kind.ClusterScoped {
		if n != nil && !isNull(resolveAlias(n)) {
			r.problemAt(*at, "metadata.namespace", fmt.Sprintf("kind %s stands in no namespace: leave it out", kind.Kind))
			r.held = true
		}
		return true
	}
	at.id.Namespace = defaultNamespace
	if n == nil || isNull(resolveAlias(n)) {
		return true
	}
	namespace, ok := word(n)
	if !ok || len(validation.IsDNS1123Label(namespace)) > 0 {
		r.problemAt(*at, "metadata.namespace", "a namespace is lower-case letters, digits and dashes, at most 63 characters")
		return false
	}
	at.id.Namespace = namespace
	return true
}

// reserved refuses what Git must not set and warns of what it cannot.
func (r *reader) reserved(at place, node, meta *yaml.Node) {
	for _, field := range []string{"ownerReferences", "finalizers"} {
		if key, value := find(meta, field, 0); key != nil && !isEmpty(value) {
			r.problemAt(at, "metadata."+field, "belongs to the cluster's controllers and is refused here: leave it out")
			r.held = true
		}
	}
	for _, field := range byCluster {
		if key, value := find(meta, field, 0); key != nil && !isEmpty(value) {
			r.warnAt(at, "metadata."+field, "is written by the cluster; here it is not acted on")
		}
	}
	if key, value := find(node, "status", 0); key != nil && !isEmpty(value) {
		r.warnAt(at, "status", "is written by the cluster; here it is not acted on")
	}
}

// warnAt notes a warning of a document at one of its fields.
func (r *reader) warnAt(at place, path, text string) {
	r.problemAt(at, path, text)
	r.part.Problems[len(r.part.Problems)-1].Severity = schema.Warning
}

// isEmpty reports whether a value is null, or a map or list of nothing.
func isEmpty(n *yaml.Node) bool {
	n = resolveAlias(n)
	return isNull(n) || n.Kind != yaml.ScalarNode && len(n.Content) == 0
}
