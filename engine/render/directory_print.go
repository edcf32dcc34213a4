package render

import (
	"maps"
	"slices"

	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

// Print appends texts that differ where what the nouns refer to does: a unit is
// rendered anew when they do.
func (d *Directory) Print(b []byte, id schema.Identity, n desired.Nouns) []byte {
	if d == nil {
		return b
	}
	b = d.domainPrint(b, id, n)
	for _, r := range references(n) {
		b = append(append(b, byte(d.find(r.Identity))), '0')
	}
	for _, c := range n.Channels {
		b = append(b, d.buses[c.Bus].print...)
	}
	for _, s := range n.Subscriptions {
		channel := d.channels[s.Channel]
		b = append(append(b, channel.print...), d.buses[channel.noun.Bus].print...)
	}
	for _, f := range n.Feeds {
		t, s := d.feed(f)
		b = append(append(b, t.print...), s.print...)
	}
	kind := id
	kind.Name = ""
	for _, binding := range d.bindings[kind] {
		b = append(b, binding.print...)
	}
	if id.Kind == "CronJob" { // it may be bound by the labels of its Jobs
		kind.Kind = "Job"
		for _, binding := range d.bindings[kind] {
			b = append(b, binding.print...)
		}
	}
	return b
}

// references are all that the nouns need to be there.
func references(n desired.Nouns) []desired.Reference {
	var out []desired.Reference
	for _, s := range n.Subscriptions {
		out = append(append(append(out, s.ChannelRef), s.Refs...), s.Delivery.Refs...)
	}
	for _, c := range n.Channels {
		out = append(out, c.Delivery.Refs...)
	}
	for _, e := range n.Emitters {
		out = append(out, e.Refs...)
	}
	for _, f := range n.Feeds {
		out = append(out, f.Refs...)
	}
	for _, t := range n.FeedTypes {
		out = append(out, t.Source)
	}
	for _, b := range n.Bindings {
		out = append(append(out, b.Subject), b.Refs...)
	}
	return out
}

// feed finds the type that a feed asks for, and the source that produces it: of
// the feed's own namespace, or of the cluster.
func (d *Directory) feed(f desired.Feed) (listed[desired.FeedType], listed[desired.FeedSource]) {
	t, ok := d.types[contract.Ref{Namespace: f.Namespace, Name: f.EventType.Name}]
	if !ok {
		t = d.types[contract.Ref{Name: f.EventType.Name}]
	}
	s := d.sources[contract.Ref{Namespace: t.noun.Namespace, Name: t.noun.Source.Name}]
	return t, s
}

// bound are the bindings whose subject is a spec: by its name, or by labels,
// where nil labels match none of them.
func (d *Directory) bound(id schema.Identity, labels map[string]string) []listed[desired.Binding] {
	if d == nil || len(d.bindings) == 0 {
		return nil
	}
	kind := id
	kind.Name = ""
	var out []listed[desired.Binding]
	for _, b := range d.bindings[kind] {
		if b.noun.Subject.Name == id.Name || b.noun.Subject.Name == "" && contains(labels, b.noun.Labels) {
			out = append(out, b)
		}
	}
	return out
}

// contains reports whether a map has all pairs of another.
func contains(m, pairs map[string]string) bool {
	for _, key := range slices.Sorted(maps.Keys(pairs)) {
		if v, ok := m[key]; !ok || v != pairs[key] {
			return false
		}
	}
	return len(m) > 0
}
