package eventing

import (
	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

// oldChannel is a Channel of 2018 as written.
type oldChannel struct {
	object `json:",inline"`
	Spec   struct {
		Generation int64      `json:"generation,omitempty"`
		Bus        string     `json:"bus,omitempty"`
		ClusterBus string     `json:"clusterBus,omitempty"`
		Arguments  []argument `json:"arguments,omitempty"`
	} `json:"spec"`
}

func decodeOldChannel(doc schema.Document) (schema.Spec, []schema.Problem) {
	return decode(doc, (*check).oldChannel)
}

func (c *check) oldChannel(w *oldChannel) desired.Nouns {
	ref := c.ref()
	ch := desired.Channel{
		Channel:   contract.Channel{Ref: ref, Hosts: contract.ChannelHosts(ref.Namespace, ref.Name)},
		Arguments: c.arguments("spec.arguments", w.Spec.Arguments),
	}
	switch {
	case w.Spec.Bus != "" && w.Spec.ClusterBus != "":
		c.errorf("spec.clusterBus", "a channel stands on one bus: keep bus or clusterBus")
	case w.Spec.Bus != "":
		ch.Bus, ch.BusAt = contract.Ref{Namespace: ref.Namespace, Name: w.Spec.Bus}, c.place("spec.bus")
	case w.Spec.ClusterBus != "":
		ch.Bus, ch.BusAt = contract.Ref{Name: w.Spec.ClusterBus}, c.place("spec.clusterBus")
	default:
		c.errorf("spec", "the bus is missing: write bus or clusterBus (clusterBus: jetstream is there in every installation)")
	}
	o := c.options(w.Annotations)
	c.deliveryOptions(o, &ch.Delivery)
	return c.channelNoun(o, ch)
}
