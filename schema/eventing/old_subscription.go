package eventing

import (
	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

// oldSubscription is a Subscription of 2018 as written.
type oldSubscription struct {
	object `json:",inline"`
	Spec   struct {
		Generation int64      `json:"generation,omitempty"`
		Channel    string     `json:"channel"`
		Subscriber string     `json:"subscriber"`
		Arguments  []argument `json:"arguments,omitempty"`
	} `json:"spec"`
}

// argument answers a bus's parameter.
type argument struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func decodeOldSubscription(doc schema.Document) (schema.Spec, []schema.Problem) {
	return decode(doc, (*check).oldSubscription)
}

func (c *check) oldSubscription(w *oldSubscription) desired.Nouns {
	s := desired.Subscription{Subscription: contract.Subscription{Ref: c.ref()}, Arguments: c.arguments("spec.arguments", w.Spec.Arguments)}
	if c.required("spec.channel", w.Spec.Channel, "write the name of a Channel of the same namespace") {
		s.Channel = contract.Ref{Namespace: c.doc.Identity.Namespace, Name: w.Spec.Channel}
		s.ChannelRef = c.reference("spec.channel", ChannelsGroup, "Channel", s.Channel.Namespace, s.Channel.Name)
	}
	if c.required("spec.subscriber", w.Spec.Subscriber, "write a Service's name, a host or a URL") {
		to := c.dnsName("spec.subscriber", w.Spec.Subscriber)
		s.Subscriber, s.Refs = &to.Destination, to.refs
	}
	o := c.options(w.Annotations)
	c.subscriptionOptions(o, w.Annotations, &s)
	c.replyOption(o, &s)
	o.done()
	return desired.Nouns{Subscriptions: []desired.Subscription{s}}
}

// replyOption is where answers go, for kinds of 2018, which had no reply.
func (c *check) replyOption(o options, s *desired.Subscription) {
	if text, ok := o.take("reply"); ok {
		reply := c.channelOrURL(o.path("reply"), text)
		s.Reply, s.Refs = &reply.Destination, append(s.Refs, reply.refs...)
	}
}

// arguments checks that each has a name, and one value.
func (c *check) arguments(path string, list []argument) []desired.Argument {
	var out []desired.Argument
	seen := map[string]bool{}
	for i, a := range list {
		at := index(path, i)
		if !c.required(at+".name", a.Name, "write the name of one of the bus's parameters") {
			continue
		}
		if seen[a.Name] {
			c.errorf(at+".name", "%s stands twice: keep one of them", a.Name)
		}
		seen[a.Name] = true
		out = append(out, desired.Argument{Name: a.Name, Value: a.Value, Place: c.place(at)})
	}
	return out
}
