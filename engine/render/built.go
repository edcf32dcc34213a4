package render

import (
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

// built is an API object on its way to becoming a manifest.
type built struct {
	id       manifest.ID
	object   any
	meta     meta
	replicas *int32
	adopt    bool
}

// meta is the half of metav1.Object that owning an object needs.
type meta interface {
	GetLabels() map[string]string
	SetLabels(map[string]string)
	GetAnnotations() map[string]string
	SetAnnotations(map[string]string)
}

// own marks the object as the engine's: its ApplySet, its unit, and its own
// name, so that a copy of the labels is recognised as a copy.
func (b built) own(unit schema.Identity, applySet string) {
	labels := b.meta.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels[contract.LabelPartOf] = applySet
	b.meta.SetLabels(labels)
	annotations := b.meta.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[contract.AnnotationUnit] = unit.String()
	annotations[contract.AnnotationTracking] = b.id.String()
	b.meta.SetAnnotations(annotations)
}

// typed is a built of an API object that has metadata.
func typed(apiVersion, kind string, object metav1.Object) built {
	return built{
		id:     manifest.ID{APIVersion: apiVersion, Kind: kind, Namespace: object.GetNamespace(), Name: object.GetName()},
		object: object, meta: object,
	}
}

// object passes a plain manifest through.
func object(o desired.Object) (built, error) {
	var m map[string]any
	if err := json.Unmarshal(o.JSON, &m); err != nil {
		return built{}, fmt.Errorf("%s: not JSON: %w", o.Identity, err)
	}
	md, ok := m["metadata"].(map[string]any)
	if !ok {
		return built{}, fmt.Errorf("%s: no metadata", o.Identity)
	}
	plain := plainMeta(md)
	id := manifest.ID{APIVersion: o.APIVersion, Kind: o.Identity.Kind, Namespace: o.Identity.Namespace, Name: o.Identity.Name}
	adopt := plain.GetAnnotations()[contract.AnnotationAdopt] == "true"
	return built{id: id, object: m, meta: plain, adopt: adopt}, nil
}

// plainMeta is the metadata of an object that is only a map.
type plainMeta map[string]any

func (m plainMeta) GetLabels() map[string]string       { return m.strings("labels") }
func (m plainMeta) SetLabels(v map[string]string)      { m["labels"] = v }
func (m plainMeta) GetAnnotations() map[string]string  { return m.strings("annotations") }
func (m plainMeta) SetAnnotations(v map[string]string) { m["annotations"] = v }

func (m plainMeta) strings(key string) map[string]string {
	out := map[string]string{}
	values, _ := m[key].(map[string]any)
	for k, v := range values {
		if s, ok := v.(string); ok {
			out[k] = s
		}
	}
	return out
}
