package render

import (
	"maps"
	"slices"

	networking "istio.io/api/networking/v1"

	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

// tagHeaders are the rules by which a request to the route itself reaches a
// tag's revision: Knative's tag header. A request that names a tag which is
// not there goes where all others go, and is marked so.
func tagHeaders(r desired.Route, routing Routing) []*networking.HTTPRoute {
	var rules []*networking.HTTPRoute
	for _, tag := range tagsOf(routing) {
		if tag == "" {
			continue
		}
		rules = append(rules, &networking.HTTPRoute{
			Name: "header-" + tag, Route: tagRoute(r, routing, tag),
			Match: []*networking.HTTPMatchRequest{tagMatch(&networking.StringMatch{MatchType: &networking.StringMatch_Exact{Exact: tag}})},
		})
	}
	if len(rules) == 0 {
		return nil
	}
	other := split(r, routing)
	for _, d := range other {
		d.Headers.Request.Set = maps.Clone(d.Headers.Request.Set)
		d.Headers.Request.Set[contract.HeaderDefaultRoute] = "true"
	}
	return append(rules, &networking.HTTPRoute{
		Name: "header-of-no-tag", Route: other,
		Match: []*networking.HTTPMatchRequest{tagMatch(&networking.StringMatch{MatchType: &networking.StringMatch_Regex{Regex: ".+"}})},
	})
}

// tagMatch matches the value of the tag header. Istio wants names of headers
// in lower case.
func tagMatch(value *networking.StringMatch) *networking.HTTPMatchRequest {
	return &networking.HTTPMatchRequest{Headers: map[string]*networking.StringMatch{contract.HeaderTag: value}}
}

// tagRoute is where a tag leads: the first share of that tag.
func tagRoute(r desired.Route, routing Routing, tag string) []*networking.HTTPRouteDestination {
	i := slices.IndexFunc(routing.Shares, func(s Share) bool { return s.Tag == tag })
	return []*networking.HTTPRouteDestination{destination(r.Namespace, routing.Shares[i].Revision, 0)}
}
