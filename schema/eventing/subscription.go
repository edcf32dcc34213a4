package eventing

import (
	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

// subscription is a Subscription of messaging.knative.dev/v1 as written.
type subscription struct {
	object `json:",inline"`
	Spec   struct {
		Channel    objectRef    `json:"channel"`
		Subscriber *destination `json:"subscriber,omitempty"`
		Reply      *destination `json:"reply,omitempty"`
		Delivery   *delivery    `json:"delivery,omitempty"`
		Filters    []filter     `json:"filters,omitempty"`
	} `json:"spec"`
}

func decodeSubscription(doc schema.Document) (schema.Spec, []schema.Problem) {
	return decode(doc, (*check).subscription)
}

func (c *check) subscription(w *subscription) desired.Nouns {
	s := desired.Subscription{Subscription: contract.Subscription{Ref: c.ref()}, Delivery: c.delivery("spec.delivery", w.Spec.Delivery)}
	c.channelRef(w.Spec.Channel, &s)
	if w.Spec.Subscriber == nil && w.Spec.Reply == nil {
		c.errorf("spec", "says nobody: write subscriber (who gets the events), reply (where they go), or both")
	}
	s.Subscriber = c.sink("spec.subscriber", w.Spec.Subscriber, &s.Refs)
	s.Reply = c.sink("spec.reply", w.Spec.Reply, &s.Refs)
	s.Filter = c.filters("spec.filters", w.Spec.Filters)
	o := c.options(w.Annotations)
	c.subscriptionOptions(o, w.Annotations, &s)
	s.Arguments = c.argumentOption(o)
	o.done()
	return desired.Nouns{Subscriptions: []desired.Subscription{s}}
}

// channelRef reads whose events a subscription is about.
func (c *check) channelRef(r objectRef, s *desired.Subscription) {
	if !c.required("spec.channel.kind", r.Kind, "write Channel or InMemoryChannel") || !c.required("spec.channel.name", r.Name, "write the channel's name") {
		return
	}
	ns := c.namespace(r.Namespace)
	channel, ok := channelOf(r.group(), r.Kind, ns, r.Name)
	if !ok || r.group() == EventingGroup {
		c.errorf("spec.channel", "%s%s is no channel: write Channel or InMemoryChannel of %s (a Broker has Triggers)", r.Kind, ofGroup(r.group()), messaging)
		return
	}
	s.Channel, s.ChannelRef = channel, c.reference("spec.channel", r.group(), r.Kind, ns, r.Name)
}

// sink resolves an optional destination.
func (c *check) sink(path string, d *destination, refs *[]desired.Reference) *contract.Destination {
	if d == nil {
		return nil
	}
	out := c.destination(path, *d)
	*refs = append(*refs, out.refs...)
	return &out.Destination
}
