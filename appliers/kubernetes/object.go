package kubernetes

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/engine/plan"
	"github.com/sluice-dev/sluice/schema/contract"
)

// head is the part of an object that is decoded; the rest stays bytes.
type head struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name              string            `json:"name"`
		Namespace         string            `json:"namespace"`
		UID               string            `json:"uid"`
		ResourceVersion   string            `json:"resourceVersion"`
		DeletionTimestamp string            `json:"deletionTimestamp"`
		Labels            map[string]string `json:"labels"`
		Annotations       map[string]string `json:"annotations"`
		ManagedFields     []managed         `json:"managedFields"`
	} `json:"metadata"`
}

// managed is one entry of managedFields.
type managed struct {
	Manager     string          `json:"manager"`
	Operation   string          `json:"operation"`
	Subresource string          `json:"subresource"`
	Time        time.Time       `json:"time"`
	Fields      json.RawMessage `json:"fieldsV1"`
}

// parsed is an object with what only the applier asks for.
type parsed struct {
	plan.Object
	managers []managed
}

// parse reads an object as the API server sent it. Items of a list lack
// apiVersion and kind; those of kind are filled in.
func parse(kind manifest.Kind, applySet string, raw []byte) (parsed, error) {
	var h head
	if err := json.Unmarshal(raw, &h); err != nil {
		return parsed{}, fmt.Errorf("%s: the API server's answer: %w", kind, err)
	}
	meta := h.Metadata
	if meta.Name == "" {
		return parsed{}, fmt.Errorf("%s: the API server's answer is no object", kind)
	}
	body := without(bytes.TrimSpace(raw), "metadata", "managedFields")
	if h.Kind == "" {
		body = prepend(body, fmt.Sprintf(`"apiVersion":%q,"kind":%q`, kind.APIVersion, kind.Kind))
	}
	id := manifest.ID{APIVersion: kind.APIVersion, Kind: kind.Kind, Namespace: meta.Namespace, Name: meta.Name}
	return parsed{
		Object: plan.Object{
			ID: id, UID: meta.UID, ResourceVersion: meta.ResourceVersion,
			Digest:       meta.Annotations[contract.AnnotationDigest],
			Commit:       meta.Annotations[contract.AnnotationCommit],
			Source:       meta.Annotations[contract.AnnotationSource],
			Unit:         meta.Annotations[contract.AnnotationUnit],
			Ours:         applySet != "" && meta.Labels[contract.LabelPartOf] == applySet && meta.Annotations[contract.AnnotationTracking] == id.String(),
			OwnsReplicas: ownsReplicas(meta.ManagedFields),
			Scaled:       scaled(meta.ManagedFields),
			Terminating:  meta.DeletionTimestamp != "",
			Labels:       meta.Labels, Annotations: meta.Annotations, JSON: body,
		},
		managers: meta.ManagedFields,
	}, nil
}

// ours reports whether the entry is what the applier writes.
func (m managed) ours() bool {
	return m.Manager == contract.FieldManager && m.Operation == "Apply" && m.Subresource == ""
}

// scaled is when the autoscaler wrote the number of pods last.
func scaled(entries []managed) (at time.Time) {
	for _, m := range entries {
		if m.Manager == contract.ScaleFieldManager && m.Time.After(at) {
			at = m.Time
		}
	}
	return at
}

func ownsReplicas(entries []managed) bool {
	for _, m := range entries {
		if m.ours() {
			_, found := lookup(m.Fields, "f:spec", "f:replicas")
			return found
		}
	}
	return false
}

// applied reports whether our field manager has written the object before.
func (p parsed) applied() bool {
	for _, m := range p.managers {
		if m.ours() {
			return true
		}
	}
	return false
}

// owners names the field managers that are not ours, for people.
func (p parsed) owners() string {
	var names []string
	seen := map[string]bool{}
	for _, m := range p.managers {
		if m.Subresource != "" || m.ours() || m.Manager == contract.ScaleFieldManager || seen[m.Manager] {
			continue
		}
		seen[m.Manager] = true
		names = append(names, fmt.Sprintf("%q", m.Manager))
	}
	if len(names) == 0 {
		return "another writer"
	}
	return strings.Join(names, " and ")
}

// replicas is spec.replicas of an object's JSON; empty if it has none.
func replicas(object []byte) string {
	at, found := lookup(object, "spec", "replicas")
	if !found {
		return ""
	}
	return string(object[at.from:at.to])
}
