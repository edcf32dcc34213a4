package manifest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/sluice-dev/sluice/schema"
)

// Manifest is one object as it should be.
type Manifest struct {
	ID ID
	// JSON is the canonical object: keys sorted, no status, no stamps.
	JSON []byte
	// Digest is the SHA-256 of JSON in hex. Two manifests of one digest need no write.
	Digest string
	// Replicas is sent only when the object is created; afterwards the field is
	// the autoscaler's. Nil for kinds without replicas, or for Kubernetes' default 1.
	Replicas *int32
	// Unit is the spec that describes the object.
	Unit schema.Identity
	// File is where that spec stands.
	File string
	// Adopt takes over an object that exists and is nobody's.
	Adopt bool
	Stage Stage
}

// New makes a manifest of an API object: a typed one or a map. The object's
// status, creation time and other server-side fields are dropped.
func New(id ID, object any) (Manifest, error) {
	b, err := json.Marshal(object)
	if err != nil {
		return Manifest{}, fmt.Errorf("%s: encode: %w", id, err)
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		return Manifest{}, fmt.Errorf("%s: not an object: %w", id, err)
	}
	m["apiVersion"], m["kind"] = id.APIVersion, id.Kind
	clean(m)
	b, err = json.Marshal(m)
	if err != nil {
		return Manifest{}, fmt.Errorf("%s: encode: %w", id, err)
	}
	return Manifest{ID: id, JSON: b, Digest: Digest(b), Stage: StageOf(id)}, nil
}

// Digest is the SHA-256 in hex.
func Digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// clean drops what the server writes and what typed objects leave as empty.
func clean(m map[string]any) {
	delete(m, "status")
	for _, key := range []string{"metadata"} {
		if meta, ok := m[key].(map[string]any); ok {
			cleanMeta(meta)
		}
	}
	if spec, ok := m["spec"].(map[string]any); ok {
		if strategy, ok := spec["strategy"].(map[string]any); ok && len(strategy) == 0 {
			delete(spec, "strategy")
		}
		if template, ok := spec["template"].(map[string]any); ok {
			if meta, ok := template["metadata"].(map[string]any); ok {
				cleanMeta(meta)
			}
		}
	}
}

func cleanMeta(meta map[string]any) {
	for _, key := range []string{"creationTimestamp", "uid", "resourceVersion", "generation", "managedFields", "selfLink"} {
		delete(meta, key)
	}
}

// Stamps are written beside a manifest but are no part of its digest: a new
// commit alone rewrites nothing.
type Stamps map[string]string

// Body is the JSON to send to the API server: the manifest with its stamps as
// annotations, and with replicas if asked.
func (m Manifest) Body(stamps Stamps, replicas *int32) ([]byte, error) {
	var o map[string]any
	if err := json.Unmarshal(m.JSON, &o); err != nil {
		return nil, fmt.Errorf("%s: decode: %w", m.ID, err)
	}
	annotations := child(child(o, "metadata"), "annotations")
	for k, v := range stamps {
		annotations[k] = v
	}
	if replicas != nil {
		child(o, "spec")["replicas"] = *replicas
	}
	return json.Marshal(o)
}

// child is the map under key, made if it is not there.
func child(m map[string]any, key string) map[string]any {
	c, ok := m[key].(map[string]any)
	if !ok {
		c = map[string]any{}
		m[key] = c
	}
	return c
}
