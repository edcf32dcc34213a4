package eventing

import (
	"encoding/json"

	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/desired"
)

// feedType is an EventType or ClusterEventType as written.
type feedType struct {
	object `json:",inline"`
	Spec   struct {
		Generation      int64           `json:"generation,omitempty"`
		EventSource     string          `json:"eventSource,omitempty"`
		ClusterSource   string          `json:"clusterEventSource,omitempty"`
		Description     string          `json:"description,omitempty"`
		SubscribeSchema json.RawMessage `json:"subscribeSchema,omitempty"`
		EventSchema     json.RawMessage `json:"eventSchema,omitempty"`
	} `json:"spec"`
}

func decodeFeedType(doc schema.Document) (schema.Spec, []schema.Problem) {
	return decode(doc, func(c *check, w *feedType) desired.Nouns {
		c.inert("spec.subscribeSchema", len(w.Spec.SubscribeSchema) > 2, "a source says itself what is wrong with its parameters")
		c.inert("spec.eventSchema", len(w.Spec.EventSchema) > 2, "events are passed on as they are")
		c.options(w.Annotations).done()
		ns, kind, path, name := doc.Identity.Namespace, "EventSource", "spec.eventSource", w.Spec.EventSource
		if doc.Kind == "ClusterEventType" {
			kind = "ClusterEventSource"
			if name == "" {
				path, name = "spec.clusterEventSource", w.Spec.ClusterSource
			}
		}
		c.required(path, name, "write the name of the "+kind+" that produces the events")
		return desired.Nouns{FeedTypes: []desired.FeedType{{
			Namespace: ns, Name: doc.Identity.Name, Source: c.reference(path, FeedsGroup, kind, ns, name),
		}}}
	})
}
