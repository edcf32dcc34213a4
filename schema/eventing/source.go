package eventing

import (
	"maps"
	"reflect"
	"slices"

	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

// sourceSpec is what every source says: where its events go, and what is
// added to them.
type sourceSpec struct {
	Sink        *destination `json:"sink,omitempty"`
	CEOverrides *struct {
		Extensions map[string]string `json:"extensions,omitempty"`
	} `json:"ceOverrides,omitempty"`
}

// emitter begins a source's noun.
func (c *check) emitter(kind, sourceType string, s sourceSpec, labels map[string]string) desired.Emitter {
	e := desired.Emitter{
		Source: contract.Source{Ref: c.ref(), Kind: kind, Type: sourceType, Extensions: c.overrides(s)},
		Labels: labels,
	}
	e.Sink, e.Refs = c.sourceSink(s)
	c.hostLabel(e.Name + contract.SourceSuffix)
	return e
}

// sourceSink is where a source's events go.
func (c *check) sourceSink(s sourceSpec) (contract.Destination, []desired.Reference) {
	if s.Sink == nil {
		c.errorf("spec.sink", "sink is missing: write who gets the events")
		return contract.Destination{}, nil
	}
	sink := c.destination("spec.sink", *s.Sink)
	return sink.url(), sink.refs
}

// overrides are extensions that every event gets.
func (c *check) overrides(s sourceSpec) map[string]string {
	if s.CEOverrides == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(s.CEOverrides.Extensions)) {
		if !attribute.MatchString(name) || name == "data" {
			c.errorf("spec.ceOverrides.extensions["+name+"]", "%q is no extension: their names are small letters and digits", short(name))
		}
	}
	return s.CEOverrides.Extensions
}

// effort is how hard a source tries. Where nothing is said it does so without
// end, and so it does where only pauses are spoken of; with somewhere to put dead
// letters, as often as everything else.
func (c *check) effort(o options, written *delivery, e *desired.Emitter) {
	d := c.delivery("spec.delivery", written)
	c.deliveryOptions(o, &d)
	if letters := d.DeadLetter; letters != nil {
		url := to{Destination: *letters}.url()
		e.DeadLetter, e.Refs = &url, append(e.Refs, d.Refs...)
		if url.URL != "" && url.URL == e.Sink.URL {
			c.errorf("spec.delivery.deadLetterSink", "is the sink itself, which would get what it has not taken again: name another one")
		}
	} else if d.Retry != nil {
		c.warnf("spec.delivery.retry", "an event that is tried so often is logged and lost: write deadLetterSink beside it, or leave retry out, and it is tried until the sink takes it")
	}
	said := d
	said.DeadLetter, said.Refs = nil, nil
	if d.DeadLetter == nil && reflect.DeepEqual(said, desired.Delivery{}) {
		return
	}
	out := d.Complete()
	if d.Retry == nil && d.DeadLetter == nil {
		out.Retry = contract.RetryForever
	}
	e.Delivery = &out
}
