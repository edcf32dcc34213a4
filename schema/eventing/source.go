package eventing

import (
	"maps"
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
