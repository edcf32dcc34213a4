package render

import (
	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

// initialOffset is 2018's parameter that says where a subscription begins.
const initialOffset = "initialOffset"

// subscription is a ConfigMap for the dispatcher. What the spec leaves open is
// the channel's, and then the platform's default.
func (e events) subscription(s desired.Subscription) error {
	name := contract.SubscriptionObject(s.Name)
	ok := e.needs(s.ChannelRef) && e.needs(s.Refs...) && e.needs(s.Delivery.Refs...)
	if !ok {
		e.keep("v1", "ConfigMap", s.Namespace, name)
		return nil
	}
	channel := e.u.Directory.channels[s.Channel].noun
	b, _ := e.bus(channel.Bus) // what is wrong with the bus is the channel's to say
	args, fits := e.arguments(b, b.SubscriptionParameters, s.Arguments, s.ChannelRef.Place)
	out := s.Subscription
	delivery := s.Delivery.Over(channel.Delivery)
	out.Arguments, out.Delivery, out.DeadLetter = args, delivery.Complete(), delivery.DeadLetter
	fits = e.begin(&out, s) && fits && e.noLoop(out, s)
	if !fits {
		e.keep("v1", "ConfigMap", s.Namespace, name)
		return nil
	}
	return e.configMap(contract.EventsSubscription, s.Namespace, name, out)
}

// begin reads where a new subscription begins from 2018's argument.
func (e events) begin(out *contract.Subscription, s desired.Subscription) bool {
	value, ok := out.Arguments[initialOffset]
	if !ok {
		return true
	}
	delete(out.Arguments, initialOffset)
	from, known := map[string]string{"Oldest": contract.FromOldest, "Newest": contract.FromNewest}[value]
	if !known {
		at := s.ChannelRef.Place
		for _, a := range s.Arguments {
			if a.Name == initialOffset {
				at = a.Place
			}
		}
		e.unmet(at, "want Oldest or Newest, got %q", value)
		return false
	}
	if out.From == "" {
		out.From = from
	}
	return true
}

// noLoop refuses a subscription that sends to its own channel what that sent it,
// or what cannot be delivered: it would come back for ever. (Replies are events of
// their own.) Circles through several channels end when they run.
func (e events) noLoop(out contract.Subscription, s desired.Subscription) bool {
	own := func(d *contract.Destination) bool { return d != nil && d.Channel != nil && *d.Channel == s.Channel }
	at := func(refs []desired.Reference) desired.Place {
		if len(refs) > 0 {
			return refs[0].Place
		}
		return s.ChannelRef.Place
	}
	switch {
	case own(out.Subscriber), out.Subscriber == nil && own(out.Reply):
		e.unmet(at(s.Refs), "its events would go to its own channel %s, and come back for ever: name another", s.Channel)
	case own(out.DeadLetter):
		e.unmet(at(s.Delivery.Refs), "its dead letters would go to its own channel %s, and come back for ever: name another, or leave it out (dead events are kept for `sluice events dead`)", s.Channel)
	default:
		return true
	}
	return false
}
