package eventing

import (
	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

// trigger is a Trigger as written.
type trigger struct {
	object `json:",inline"`
	Spec   struct {
		Broker    string     `json:"broker,omitempty"`
		BrokerRef *objectRef `json:"brokerRef,omitempty"`
		Filter    *struct {
			Attributes map[string]string `json:"attributes,omitempty"`
		} `json:"filter,omitempty"`
		Filters    []filter     `json:"filters,omitempty"`
		Subscriber *destination `json:"subscriber,omitempty"`
		Delivery   *delivery    `json:"delivery,omitempty"`
	} `json:"spec"`
}

// dependency is the annotation by which a Trigger waits for a source.
const dependency = "knative.dev/dependency"

func decodeTrigger(doc schema.Document) (schema.Spec, []schema.Problem) {
	return decode(doc, (*check).trigger)
}

func (c *check) trigger(w *trigger) desired.Nouns {
	s := desired.Subscription{Subscription: contract.Subscription{Ref: c.ref()}, Delivery: c.delivery("spec.delivery", w.Spec.Delivery)}
	c.triggersBroker(w, &s)
	if w.Spec.Subscriber == nil {
		c.errorf("spec.subscriber", "subscriber is missing: write who gets the events")
	}
	s.Subscriber = c.sink("spec.subscriber", w.Spec.Subscriber, &s.Refs)
	s.Filter = c.filters("spec.filters", w.Spec.Filters)
	if f := w.Spec.Filter; f != nil && len(f.Attributes) > 0 {
		c.attributes("spec.filter.attributes", f.Attributes, true)
		if s.Filter == nil { // filters override filter
			s.Filter = &contract.Filter{Exact: f.Attributes}
		} else {
			c.warnf("spec.filter", "is accepted but not acted on: filters stands beside it and overrides it")
		}
	}
	c.inert("metadata.annotations["+dependency+"]", w.Annotations[dependency] != "", "a trigger works as soon as its broker does")
	o := c.options(w.Annotations)
	c.subscriptionOptions(o, w.Annotations, &s)
	s.Arguments = c.argumentOption(o)
	o.done()
	// What a subscriber answers goes back to the broker.
	s.Reply = &contract.Destination{Channel: &s.Channel}
	return desired.Nouns{Subscriptions: []desired.Subscription{s}}
}

// triggersBroker reads whose events a trigger is about.
func (c *check) triggersBroker(w *trigger, s *desired.Subscription) {
	path, name, ns := "spec.broker", w.Spec.Broker, c.doc.Identity.Namespace
	if r := w.Spec.BrokerRef; r != nil {
		if name != "" {
			c.errorf("spec.brokerRef", "a trigger has one broker: keep broker or brokerRef")
		}
		c.oneOf("spec.brokerRef.kind", r.Kind, "Broker")
		path, name, ns = "spec.brokerRef", r.Name, c.namespace(r.Namespace)
	}
	if name == "" {
		name = "default"
		path = "spec"
	}
	s.Channel = contract.Ref{Namespace: ns, Name: contract.BrokerChannel(name)}
	s.ChannelRef = c.reference(path, EventingGroup, "Broker", ns, name)
}
