package render

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

// Directory is what the whole repository describes, as far as the nouns of one
// spec may refer to another's. The zero Directory knows nobody.
type Directory struct {
	described map[schema.Identity]bool
	broken    map[schema.Identity]bool
	buses     map[contract.Ref]listed[desired.Bus]
	channels  map[contract.Ref]listed[desired.Channel]
	types     map[contract.Ref]listed[desired.FeedType]
	sources   map[contract.Ref]listed[desired.FeedSource]
	bindings  map[schema.Identity][]listed[desired.Binding]
	domains   domains
}

// listed is a noun and a print of it, which differs where it does.
type listed[T any] struct {
	noun  T
	print string
}

func list[T any](noun T) listed[T] {
	b, err := json.Marshal(noun)
	if err != nil {
		panic(fmt.Sprintf("render: a noun is always JSON: %v", err))
	}
	return listed[T]{noun, string(b)}
}

// Add lists what a spec describes.
func (d *Directory) Add(id schema.Identity, n desired.Nouns) {
	d.init()
	d.described[id] = true
	d.domains.add(id, n)
	for _, b := range n.Buses {
		d.buses[b.Ref] = list(b)
	}
	for _, c := range n.Channels {
		d.channels[c.Ref] = list(c)
	}
	for _, t := range n.FeedTypes {
		d.types[contract.Ref{Namespace: t.Namespace, Name: t.Name}] = list(t)
	}
	for _, s := range n.FeedSources {
		d.sources[contract.Ref{Namespace: s.Namespace, Name: s.Name}] = list(s)
	}
	for _, b := range n.Bindings {
		kind := b.Subject.Identity
		kind.Name = ""
		d.bindings[kind] = append(d.bindings[kind], list(b))
	}
}

// AddBroken lists a spec whose document has errors: it is there, but nobody
// knows what it says now.
func (d *Directory) AddBroken(id schema.Identity) {
	d.init()
	d.broken[id] = true
}

func (d *Directory) init() {
	if d.described != nil {
		return
	}
	d.described, d.broken = map[schema.Identity]bool{}, map[schema.Identity]bool{}
	d.buses, d.channels = map[contract.Ref]listed[desired.Bus]{}, map[contract.Ref]listed[desired.Channel]{}
	d.types, d.sources = map[contract.Ref]listed[desired.FeedType]{}, map[contract.Ref]listed[desired.FeedSource]{}
	d.domains.init()
	d.bindings = map[schema.Identity][]listed[desired.Binding]{}
}

// kinds whose specs answer for one another: a Service has a route of its name,
// and all channels are channels.
var (
	routes   = []schema.Identity{{Group: "serving.knative.dev", Kind: "Service"}, {Group: "serving.knative.dev", Kind: "Route"}}
	channels = []schema.Identity{
		{Group: "channels.knative.dev", Kind: "Channel"}, {Group: "messaging.knative.dev", Kind: "Channel"},
		{Group: "messaging.knative.dev", Kind: "InMemoryChannel"}, {Group: "flows.knative.dev", Kind: "Flow"},
	}
)

// answers are the specs that would satisfy a reference.
func answers(r schema.Identity) []schema.Identity {
	of := func(kinds []schema.Identity) []schema.Identity {
		out := slices.Clone(kinds)
		for i := range out {
			out[i].Namespace, out[i].Name = r.Namespace, r.Name
		}
		return out
	}
	switch {
	case r.Group == "" && r.Kind == "Service":
		return append(of(routes), r)
	case r.Group == "serving.knative.dev" && r.Kind == "Route":
		return of(routes)
	case slices.ContainsFunc(channels, func(c schema.Identity) bool { return c.Group == r.Group && c.Kind == r.Kind }):
		return of(channels)
	}
	return []schema.Identity{r}
}

// standing is how a reference stands.
type standing byte

const (
	missing standing = iota
	present
	unreadable
)

// find says whether a reference is satisfied.
func (d *Directory) find(r schema.Identity) standing {
	if d == nil {
		return missing
	}
	for _, id := range answers(r) {
		if d.described[id] {
			return present
		}
		if d.broken[id] {
			return unreadable
		}
	}
	return missing
}

// near suggests another name for a reference.
func (d *Directory) near(r schema.Identity) string {
	var names []string
	for _, of := range answers(r) {
		for id := range d.described {
			if id.Group == of.Group && id.Kind == of.Kind && id.Namespace == of.Namespace {
				names = append(names, id.Name)
			}
		}
	}
	slices.Sort(names)
	if near, ok := schema.Nearest(r.Name, names); ok {
		return " (did you mean " + near + "?)"
	}
	return ""
}
