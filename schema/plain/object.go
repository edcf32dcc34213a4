package plain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
	"github.com/sluice-dev/sluice/schema/strict"
)

// Object is a Kubernetes object that passes through.
type Object struct {
	id         schema.Identity
	apiVersion string
	json       []byte
}

var _ desired.Source = (*Object)(nil)

// Identity names the object.
func (o *Object) Identity() schema.Identity { return o.id }

// Desire gives the object itself.
func (o *Object) Desire() desired.Nouns {
	return desired.Nouns{Objects: []desired.Object{{APIVersion: o.apiVersion, Identity: o.id, JSON: o.json}}}
}

// decoder reads objects of one type; of any type, if empty is nil.
func (p Policy) decoder(empty func() any) func(schema.Document) (schema.Spec, []schema.Problem) {
	return func(doc schema.Document) (schema.Spec, []schema.Problem) {
		kind := qualified(doc.APIVersion, doc.Kind)
		if !p.allows(kind) {
			return nil, []schema.Problem{doc.Problem("kind", fmt.Sprintf(
				"%s%s is not among the kinds that this installation takes from the repository: whoever runs it may allow it with `sluice install --allow %s`", kind, misspelt(doc), kind))}
		}
		if slices.Contains(p.ClusterScoped, kind) {
			doc.Identity.Namespace = ""
		}
		var problems []schema.Problem
		if empty != nil {
			problems = p.check(doc, empty())
		}
		object, more := p.object(doc)
		problems = append(problems, more...)
		if schema.HasErrors(problems) {
			return nil, problems
		}
		return object, problems
	}
}

// misspelt says which kind of the same group was probably meant.
func misspelt(doc schema.Document) string {
	var kinds []string
	for _, k := range table {
		if k.kind == doc.Kind {
			return ""
		}
		if schema.GroupOf(k.apiVersion) == doc.Identity.Group {
			kinds = append(kinds, k.kind)
		}
	}
	if near, ok := schema.Nearest(doc.Kind, kinds); ok {
		return " (did you mean " + near + "?)"
	}
	return ""
}

// check compares the document with its type and looks at what a type cannot say.
func (p Policy) check(doc schema.Document, into any) []schema.Problem {
	decode := strict.Decode
	if doc.Kind == "Secret" {
		decode = strict.DecodeSecret
	}
	if problems := decode(doc, into); len(problems) > 0 {
		return problems
	}
	switch o := into.(type) {
	case *corev1.Secret:
		return p.secret(doc, o)
	case *corev1.Service:
		if len(o.Spec.ExternalIPs) > 0 {
			return []schema.Problem{doc.Problem("spec.externalIPs", "takes over addresses that may belong to others and is refused: leave it out")}
		}
	}
	return nil
}

// secret refuses what everybody who can read the repository could read.
func (p Policy) secret(doc schema.Document, s *corev1.Secret) []schema.Problem {
	if p.AllowSecrets {
		return nil
	}
	var problems []schema.Problem
	for _, part := range []struct {
		field string
		n     int
	}{{"data", len(s.Data)}, {"stringData", len(s.StringData)}} {
		if part.n > 0 {
			problems = append(problems, doc.Problem(part.field, "a Secret's values do not belong in Git in plain text (base64 is plain text): "+
				"keep them in a sealed or external secret, and name the Secret where it is used; whoever runs this installation may allow them with `sluice install --allow-secrets`"))
		}
	}
	return problems
}

// byCluster are the fields of metadata that are never sent.
var byCluster = []string{"uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "managedFields", "selfLink", "generateName", "ownerReferences", "finalizers"}

// object is the document as it will be sent: its namespace explicit, without
// what a cluster writes.
func (p Policy) object(doc schema.Document) (*Object, []schema.Problem) {
	var o map[string]any
	dec := json.NewDecoder(bytes.NewReader(doc.JSON))
	dec.UseNumber()
	if err := dec.Decode(&o); err != nil {
		return nil, []schema.Problem{doc.Problem("", "this is not a map of fields")}
	}
	delete(o, "status")
	meta, _ := o["metadata"].(map[string]any)
	if meta == nil {
		return nil, []schema.Problem{doc.Problem("metadata", "metadata is missing")}
	}
	for _, field := range byCluster {
		delete(meta, field)
	}
	delete(meta, "namespace")
	if doc.Identity.Namespace != "" {
		meta["namespace"] = doc.Identity.Namespace
	}
	problems := reserved(doc, meta)
	b, err := json.Marshal(o)
	if err != nil {
		return nil, append(problems, doc.Problem("", "this cannot be written as JSON"))
	}
	return &Object{id: doc.Identity, apiVersion: doc.APIVersion, json: b}, problems
}

// reserved refuses names that the engine keeps its own books with.
func reserved(doc schema.Document, meta map[string]any) []schema.Problem {
	var problems []schema.Problem
	for _, field := range []string{"labels", "annotations"} {
		m, _ := meta[field].(map[string]any)
		for key := range m {
			if contract.Reserved(key) {
				problems = append(problems, doc.Problem("metadata."+field+"["+key+"]", "is written by the platform: leave it out"))
			}
		}
	}
	slices.SortFunc(problems, schema.Problem.Compare)
	return problems
}
