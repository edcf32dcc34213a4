package eventing

import (
	"encoding/json"

	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/desired"
)

// feedSource is an EventSource or ClusterEventSource as written.
type feedSource struct {
	object `json:",inline"`
	Spec   struct {
		Generation int64 `json:"generation,omitempty"`
		// Type stands in every sample of 2018, though no code read it.
		Type       string          `json:"type,omitempty"`
		Source     string          `json:"source,omitempty"`
		Image      string          `json:"image,omitempty"`
		Parameters json.RawMessage `json:"parameters,omitempty"`
	} `json:"spec"`
}

func decodeFeedSource(doc schema.Document) (schema.Spec, []schema.Problem) {
	return decode(doc, func(c *check, w *feedSource) desired.Nouns {
		if len(w.Spec.Parameters) > 0 && !isObject(w.Spec.Parameters) {
			c.errorf("spec.parameters", "want a map of parameters")
		}
		c.options(w.Annotations).done()
		return desired.Nouns{FeedSources: []desired.FeedSource{{
			Namespace: doc.Identity.Namespace, Name: doc.Identity.Name,
			Source: w.Spec.Source, Image: w.Spec.Image, Parameters: w.Spec.Parameters,
		}}}
	})
}
