package eventing

import (
	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

// brokerClass is the annotation by which Knative chooses an implementation.
const brokerClass = "eventing.knative.dev/broker.class"

// classBus is the bus that stands for a class.
var classBus = map[string]contract.Ref{
	"": {}, "MTChannelBasedBroker": {}, "Kafka": {Name: "kafka"}, "KafkaNamespaced": {Name: "kafka"}, "RabbitMQBroker": {Name: "rabbitmq"},
}

// broker is a Broker as written.
type broker struct {
	object `json:",inline"`
	Spec   struct {
		Config   *objectRef `json:"config,omitempty"`
		Delivery *delivery  `json:"delivery,omitempty"`
	} `json:"spec"`
}

func decodeBroker(doc schema.Document) (schema.Spec, []schema.Problem) {
	return decode(doc, (*check).broker)
}

func (c *check) broker(w *broker) desired.Nouns {
	own := c.ref()
	ref := contract.Ref{Namespace: own.Namespace, Name: contract.BrokerChannel(own.Name)}
	ch := desired.Channel{
		Channel: contract.Channel{
			Ref: ref, Hosts: contract.ChannelHosts(ref.Namespace, ref.Name),
			Paths: []string{contract.BrokerPath(own.Namespace, own.Name)},
		},
		Delivery: c.delivery("spec.delivery", w.Spec.Delivery),
	}
	c.inert("spec.config", w.Spec.Config != nil, "what a bus is told stands in its own spec; name it with the annotation "+optionPrefix+"bus or "+optionPrefix+"cluster-bus")
	bus, known := classBus[w.Annotations[brokerClass]]
	path := "metadata.annotations[" + brokerClass + "]"
	if !known {
		c.errorf(path, "there is no bus for the class %q: leave it out, or name a bus with the annotation %sbus or %scluster-bus", short(w.Annotations[brokerClass]), optionPrefix, optionPrefix)
	}
	ch.Bus, ch.BusAt = bus, c.place(path)
	o := c.options(w.Annotations)
	c.busOptions(o, &ch)
	c.deliveryOptions(o, &ch.Delivery)
	return c.channelNoun(o, ch)
}
