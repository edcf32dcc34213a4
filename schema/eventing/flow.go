package eventing

import (
	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

// flow is a Flow of 2018 as written.
type flow struct {
	object `json:",inline"`
	Spec   struct {
		Generation         int64       `json:"generation,omitempty"`
		ServiceAccountName string      `json:"serviceAccountName,omitempty"`
		Trigger            feedTrigger `json:"trigger"`
		Action             flowAction  `json:"action"`
	} `json:"spec"`
}

type flowAction struct {
	Target    *objectRef `json:"target,omitempty"`
	TargetURI string     `json:"targetURI,omitempty"`
}

// decodeFlow makes a Channel, a Subscription and a Feed, all of the Flow's
// name, as the controller of 2018 did; but on the durable default bus rather
// than on one that forgets.
func decodeFlow(doc schema.Document) (schema.Spec, []schema.Problem) {
	return decode(doc, func(c *check, w *flow) desired.Nouns {
		ref := c.ref()
		ch := desired.Channel{Channel: contract.Channel{Ref: ref, Hosts: contract.ChannelHosts(ref.Namespace, ref.Name)}}
		s := desired.Subscription{
			Subscription: contract.Subscription{Ref: ref, Channel: ref},
			ChannelRef:   c.reference("metadata.name", FlowsGroup, "Flow", ref.Namespace, ref.Name),
		}
		target := c.flowTarget(w.Spec.Action)
		s.Subscriber, s.Refs = &target.Destination, target.refs
		f := c.trigger2018("spec.trigger", w.Spec.Trigger)
		f.ServiceAccount = w.Spec.ServiceAccountName
		f.Sink = contract.Destination{URL: contract.ChannelURL(ref.Namespace, ref.Name)}
		o := c.options(w.Annotations)
		c.busOptions(o, &ch)
		c.subscriptionOptions(o, w.Annotations, &s)
		c.replyOption(o, &s)
		nouns := c.channelNoun(o, ch)
		nouns.Subscriptions, nouns.Feeds = []desired.Subscription{s}, []desired.Feed{f}
		return nouns
	})
}

// flowTarget is who gets a flow's events.
func (c *check) flowTarget(a flowAction) to {
	switch {
	case a.Target != nil && a.TargetURI != "":
		c.errorf("spec.action.targetURI", "one gets the events: keep target or targetURI")
	case a.TargetURI != "":
		return to{contract.Destination{URL: c.absolute("spec.action.targetURI", a.TargetURI)}, nil}
	case a.Target != nil:
		return c.addressableAt("spec.action.target", *a.Target, "")
	default:
		c.errorf("spec.action", "says nobody: write target (apiVersion, kind, name) or targetURI")
	}
	return to{}
}
