package catalog

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/building"
	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/eventing"
	"github.com/sluice-dev/sluice/schema/plain"
	"github.com/sluice-dev/sluice/schema/serving"
)

// New is the lookup of all kinds.
func New(p plain.Policy) schema.Kinds { return schema.NewKinds(Kinds(p)) }

// Kinds lists all kinds of all groups. Every Spec that they decode is a
// desired.Source. None lets a document into the namespaces of the cluster
// itself or of the platform.
func Kinds(p plain.Policy) []schema.Kind {
	kinds := slices.Concat(
		serving.Kinds(),
		eventing.Kinds(),
		building.Kinds(),
		plain.Kinds(p),
	)
	for i := range kinds {
		kinds[i].Decode = outside(kinds[i].Decode)
	}
	return kinds
}

// outside refuses documents that reach into namespaces which are nobody's to
// deploy to.
func outside(decode func(schema.Document) (schema.Spec, []schema.Problem)) func(schema.Document) (schema.Spec, []schema.Problem) {
	return func(doc schema.Document) (schema.Spec, []schema.Problem) {
		spec, problems := decode(doc)
		namespace, path := doc.Identity.Namespace, "metadata.namespace"
		if doc.Identity.Kind == "Namespace" && doc.Identity.Group == "" {
			namespace, path = doc.Identity.Name, "metadata.name"
		}
		if namespace == contract.Namespace || strings.HasPrefix(namespace, "kube-") {
			return nil, append(problems, doc.Problem(path, fmt.Sprintf("the namespace %s belongs to the cluster or the platform and is refused: choose another", namespace)))
		}
		return spec, problems
	}
}
