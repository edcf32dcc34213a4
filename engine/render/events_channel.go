package render

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	networking "istio.io/api/networking/v1"
	istio "istio.io/client-go/pkg/apis/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

// builtIn are the buses that every installation has, whether a spec describes
// them or not; `stub` is what 2018 called the one that forgets.
var builtIn = map[contract.Ref]contract.Ref{
	{}:                            {},
	{Name: contract.DefaultBus}:   {},
	{Name: contract.DriverMemory}: {Name: contract.DriverMemory},
	{Name: "stub"}:                {Name: contract.DriverMemory},
	{Name: "in-memory-channel"}:   {Name: contract.DriverMemory},
}

// bus finds the bus that something stands on; false if nobody describes it.
func (e events) bus(ref contract.Ref) (desired.Bus, bool) {
	if b, ok := e.u.Directory.buses[ref]; ok {
		return b.noun, true
	}
	own, ok := builtIn[ref]
	return desired.Bus{Bus: contract.Bus{Ref: own}}, ok
}

// channel is a ConfigMap for the dispatcher, a name inside the cluster, and the
// VirtualService that leads its hosts there.
func (e events) channel(ch desired.Channel) error {
	name, ns := contract.ChannelService(ch.Name), ch.Namespace
	out := ch.Channel
	b, ok := e.bus(ch.Bus)
	switch {
	case !ok:
		e.unmet(ch.BusAt, "%s is described nowhere: add it, or name another (clusterBus: %s is there in every installation)", busName(ch.Bus), contract.DefaultBus)
	case b.Driver == contract.DriverMemory || b.Ref == contract.Ref{Name: contract.DriverMemory}:
		e.Unmet = append(e.Unmet, Unmet{ch.BusAt, "the bus " + ch.Bus.Name + " keeps events in memory alone: those that are not delivered when it ends are lost; for events that must not be, use " + contract.DefaultBus, schema.Warning})
	}
	out.Bus = b.Ref
	if d := contract.DispatcherOf(b.Ref, b.Driver); d != contract.Channels {
		out.Dispatcher = d
	}
	dispatcher := cmp.Or(out.Dispatcher, contract.Channels)
	args, fits := e.arguments(b, channelParameters(b), ch.Arguments, ch.BusAt)
	out.Arguments = args
	fits = e.counts(b, ch.Arguments) && fits
	if !ok || !fits || !e.needs(ch.Delivery.Refs...) {
		e.keep("v1", "ConfigMap", ns, contract.ChannelObject(ch.Name))
		e.keep("v1", "Service", ns, name)
		e.keep("networking.istio.io/v1", "VirtualService", ns, name)
		return nil
	}
	if err := e.configMap(contract.EventsChannel, ns, contract.ChannelObject(ch.Name), out); err != nil {
		return err
	}
	host := dispatcher + "." + contract.Namespace + ".svc." + contract.ClusterDomain
	if err := e.externalName(ns, name, host); err != nil {
		return err
	}
	if theirs := contract.KnativeChannelHost(ns, ch.Name); slices.Contains(ch.Hosts, theirs) {
		if err := e.externalName(ns, strings.TrimSuffix(theirs, "."+ns+".svc."+contract.ClusterDomain), host); err != nil {
			return err
		}
	}
	return e.virtualService(ns, name, []string{"mesh"}, ch.Hosts, contract.Namespace, dispatcher)
}

// channelParameters are those that the bus declares, and those that its driver
// knows.
func channelParameters(b desired.Bus) []desired.Parameter {
	out := slices.Clone(b.ChannelParameters)
	for _, name := range contract.ChannelArguments[cmp.Or(b.Driver, b.Name, contract.DefaultBus)] {
		if !slices.ContainsFunc(out, func(p desired.Parameter) bool { return p.Name == name }) {
			out = append(out, desired.Parameter{Name: name, Optional: true})
		}
	}
	return out
}

// virtualService leads hosts to pods that are reached like a revision's.
func (e events) virtualService(namespace, name string, gateways, hosts []string, toNamespace, revision string) error {
	vs := &istio.VirtualService{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	vs.Spec.Gateways, vs.Spec.Hosts = gateways, hosts
	vs.Spec.Http = []*networking.HTTPRoute{{Name: "default", Route: []*networking.HTTPRouteDestination{destination(toNamespace, revision, 0)}}}
	return add(e.Result, e.u, e.c)(typed("networking.istio.io/v1", "VirtualService", vs), nil)
}

// arguments answers a bus's parameters: what is given, and defaults for the
// rest. It is false if one is missing or not asked for.
func (e events) arguments(b desired.Bus, parameters []desired.Parameter, given []desired.Argument, at desired.Place) (map[string]string, bool) {
	before := len(e.Unmet)
	values, names := map[string]string{}, make([]string, 0, len(parameters))
	for _, p := range parameters {
		names = append(names, p.Name)
		if p.Default != nil {
			values[p.Name] = *p.Default
		}
	}
	for _, a := range given {
		if !slices.Contains(names, a.Name) {
			e.unmet(a.Place, "%s has no parameter %s%s", busName(b.Ref), a.Name, parametersOf(a.Name, names))
			continue
		}
		values[a.Name] = a.Value
	}
	for _, p := range parameters {
		if _, ok := values[p.Name]; !ok && !p.Optional {
			e.unmet(at, "%s needs the argument %s: add it under spec.arguments", busName(b.Ref), p.Name)
		}
	}
	if len(values) == 0 {
		values = nil
	}
	return values, len(e.Unmet) == before
}

// counted are the drivers' own arguments that are numbers.
var counted = set([]string{"maxMessages", "maxBytes", "replicas", "NumPartitions", "replicationFactor"})

// counts reports whether what a driver takes for a number is one.
func (e events) counts(b desired.Bus, given []desired.Argument) bool {
	known := contract.ChannelArguments[cmp.Or(b.Driver, b.Name, contract.DefaultBus)]
	ok := true
	for _, a := range given {
		if !counted[a.Name] || !slices.Contains(known, a.Name) {
			continue
		}
		if n, err := strconv.ParseInt(a.Value, 10, 64); err != nil || n < 1 {
			e.unmet(a.Place, "%s of %s is a number above 0, and %q is none", a.Name, busName(b.Ref), a.Value)
			ok = false
		}
	}
	return ok
}

func parametersOf(name string, names []string) string {
	if near, ok := schema.Nearest(name, names); ok {
		return ": did you mean " + near + "?"
	}
	if len(names) == 0 {
		return ": it has none"
	}
	return ": it has " + strings.Join(slices.Sorted(maps.Keys(set(names))), ", ")
}

func set(names []string) map[string]bool {
	out := make(map[string]bool, len(names))
	for _, n := range names {
		out[n] = true
	}
	return out
}

func busName(ref contract.Ref) string {
	switch {
	case ref == contract.Ref{}:
		return "the bus " + contract.DefaultBus
	case ref.Namespace == "":
		return "ClusterBus " + ref.Name
	}
	return "Bus " + ref.String()
}
