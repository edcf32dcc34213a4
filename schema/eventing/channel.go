package eventing

import (
	"encoding/json"

	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

// channel is a Channel of messaging.knative.dev/v1 as written.
type channel struct {
	object `json:",inline"`
	Spec   struct {
		ChannelTemplate *channelTemplate  `json:"channelTemplate,omitempty"`
		Delivery        *delivery         `json:"delivery,omitempty"`
		Subscribers     []json.RawMessage `json:"subscribers,omitempty"`
	} `json:"spec"`
}

// inMemoryChannel is an InMemoryChannel as written.
type inMemoryChannel struct {
	object `json:",inline"`
	Spec   struct {
		Delivery    *delivery         `json:"delivery,omitempty"`
		Subscribers []json.RawMessage `json:"subscribers,omitempty"`
	} `json:"spec"`
}

// channelTemplate says, in Knative, which implementation a Channel has.
type channelTemplate struct {
	APIVersion string          `json:"apiVersion"`
	Kind       string          `json:"kind"`
	Spec       json.RawMessage `json:"spec,omitempty"`
}

// templateBus is the bus that stands for a kind of Knative's channels.
var templateBus = map[string]contract.Ref{
	"InMemoryChannel": {},
	"KafkaChannel":    {Name: "kafka"},
	"NatssChannel":    {Name: "nats"}, "NatsJetStreamChannel": {Name: "nats"},
	"RabbitmqChannel": {Name: "rabbitmq"},
}

func decodeChannel(doc schema.Document) (schema.Spec, []schema.Problem) {
	return decode(doc, func(c *check, w *channel) desired.Nouns {
		ch := c.todaysChannel(w.Spec.Delivery, len(w.Spec.Subscribers))
		if t := w.Spec.ChannelTemplate; t != nil {
			bus, known := templateBus[t.Kind]
			if !known {
				c.errorf("spec.channelTemplate.kind", "there is no bus for %q: leave channelTemplate out, or name a bus with the annotation %sbus or %scluster-bus", short(t.Kind), optionPrefix, optionPrefix)
			}
			c.inert("spec.channelTemplate.spec", len(t.Spec) > 0 && string(t.Spec) != "{}", "what a bus is told stands in its own spec, and in the annotation "+optionPrefix+"arguments")
			ch.Bus, ch.BusAt = bus, c.place("spec.channelTemplate.kind")
		}
		o := c.options(w.Annotations)
		c.busOptions(o, &ch)
		return c.channelNoun(o, ch)
	})
}

func decodeInMemoryChannel(doc schema.Document) (schema.Spec, []schema.Problem) {
	return decode(doc, func(c *check, w *inMemoryChannel) desired.Nouns {
		ch := c.todaysChannel(w.Spec.Delivery, len(w.Spec.Subscribers))
		c.inert("metadata.annotations[messaging.knative.dev/async-handler]", w.Annotations["messaging.knative.dev/async-handler"] == "true",
			"an event is stored before it is answered for, and delivered after that")
		o := c.options(w.Annotations)
		c.busOptions(o, &ch)
		return c.channelNoun(o, ch)
	})
}

// todaysChannel is what Channel and InMemoryChannel have in common.
func (c *check) todaysChannel(d *delivery, subscribers int) desired.Channel {
	c.inert("spec.subscribers", subscribers > 0, "Subscriptions say who gets the events")
	ref := c.ref()
	return desired.Channel{
		Channel: contract.Channel{
			Ref:   ref,
			Hosts: append(contract.ChannelHosts(ref.Namespace, ref.Name), contract.KnativeChannelHost(ref.Namespace, ref.Name)),
		},
		Delivery: c.delivery("spec.delivery", d),
	}
}

// channelNoun finishes a channel by its annotations.
func (c *check) channelNoun(o options, ch desired.Channel) desired.Nouns {
	c.channelOptions(o, &ch)
	o.done()
	c.hostLabel(contract.ChannelService(ch.Name))
	return desired.Nouns{Channels: []desired.Channel{ch}}
}

// hostLabel checks that a name made from the document's own is fit for a host.
func (c *check) hostLabel(name string) {
	if len(name) > 63 {
		c.errorf("metadata.name", "the host %s would have %d characters; a DNS label has at most 63: shorten the name", name, len(name))
	}
}
