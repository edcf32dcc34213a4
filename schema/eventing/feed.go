package eventing

import (
	"encoding/json"

	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

// feed is a Feed of 2018 as written. Its action changed twice that summer; all
// three forms are read.
type feed struct {
	object `json:",inline"`
	Spec   struct {
		Generation         int64       `json:"generation,omitempty"`
		ServiceAccountName string      `json:"serviceAccountName,omitempty"`
		Action             feedAction  `json:"action"`
		Trigger            feedTrigger `json:"trigger"`
	} `json:"spec"`
}

type feedAction struct {
	DNSName     string `json:"dnsName,omitempty"`
	ChannelName string `json:"channelName,omitempty"`
	RouteName   string `json:"routeName,omitempty"`
}

// feedTrigger says which events a Feed or Flow asks for.
type feedTrigger struct {
	EventType      string          `json:"eventType"`
	Resource       string          `json:"resource"`
	Service        string          `json:"service,omitempty"`
	Parameters     json.RawMessage `json:"parameters,omitempty"`
	ParametersFrom []struct {
		SecretKeyRef *corev1.SecretKeySelector `json:"secretKeyRef,omitempty"`
	} `json:"parametersFrom,omitempty"`
}

func decodeFeed(doc schema.Document) (schema.Spec, []schema.Problem) {
	return decode(doc, func(c *check, w *feed) desired.Nouns {
		f := c.trigger2018("spec.trigger", w.Spec.Trigger)
		f.ServiceAccount = w.Spec.ServiceAccountName
		sink := c.action(w.Spec.Action)
		f.Sink, f.Refs = sink.url(), sink.refs
		c.options(w.Annotations).done()
		c.hostLabel(f.Name + contract.SourceSuffix)
		return desired.Nouns{Feeds: []desired.Feed{f}}
	})
}

// action is who gets a feed's events.
func (c *check) action(a feedAction) to {
	var set []string
	for _, f := range []struct{ name, value string }{{"dnsName", a.DNSName}, {"channelName", a.ChannelName}, {"routeName", a.RouteName}} {
		if f.value != "" {
			set = append(set, f.name)
		}
	}
	ns := c.doc.Identity.Namespace
	switch {
	case len(set) == 0:
		c.errorf("spec.action", "says nobody: write dnsName (a host), channelName or routeName")
		return to{}
	case len(set) > 1:
		c.errorf("spec.action."+set[1], "one gets the events, and spec.action.%s is one already: keep one of them", set[0])
		return to{}
	case a.ChannelName != "":
		return to{
			contract.Destination{Channel: &contract.Ref{Namespace: ns, Name: a.ChannelName}},
			[]desired.Reference{c.reference("spec.action.channelName", ChannelsGroup, "Channel", ns, a.ChannelName)},
		}
	case a.RouteName != "":
		return to{
			contract.Destination{URL: "http://" + clusterHost(ns, a.RouteName) + "/"},
			[]desired.Reference{c.reference("spec.action.routeName", "serving.knative.dev", "Route", ns, a.RouteName)},
		}
	}
	return c.dnsName("spec.action.dnsName", a.DNSName)
}

// trigger2018 reads what a Feed or Flow asks for.
func (c *check) trigger2018(path string, t feedTrigger) desired.Feed {
	id := c.doc.Identity
	f := desired.Feed{
		Namespace: id.Namespace, Name: id.Name, Resource: t.Resource, Service: t.Service, Parameters: t.Parameters, At: c.place(path),
	}
	if c.required(path+".eventType", t.EventType, "write the name of an EventType or ClusterEventType") {
		f.EventType = c.reference(path+".eventType", FeedsGroup, "EventType", id.Namespace, t.EventType)
	}
	c.required(path+".resource", t.Resource, "write what is observed, as owner/repo or projects/P/topics/T")
	if len(t.Parameters) > 0 && !isObject(t.Parameters) {
		c.errorf(path+".parameters", "want a map of parameters")
	}
	for i, from := range t.ParametersFrom {
		at := index(path+".parametersFrom", i)
		switch {
		case from.SecretKeyRef == nil:
			c.errorf(at, "secretKeyRef is missing: write the name and key of a Secret whose value is a JSON object")
		case c.required(at+".secretKeyRef.name", from.SecretKeyRef.Name, "write the Secret's name") &&
			c.required(at+".secretKeyRef.key", from.SecretKeyRef.Key, "write the key of its value"):
			f.ParametersFrom = append(f.ParametersFrom, *from.SecretKeyRef)
			if i == 0 {
				f.SecretAt = c.place(at)
			}
		}
	}
	return f
}

// isObject reports whether JSON is a map.
func isObject(b json.RawMessage) bool {
	var m map[string]json.RawMessage
	return json.Unmarshal(b, &m) == nil
}
