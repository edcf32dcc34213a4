package gateway

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"
	networking "istio.io/api/networking/v1"
	istio "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/sluice-dev/sluice/schema/contract"
)

// mesh is Istio's word for "every client inside".
const mesh = "mesh"

// ours tells whether a VirtualService is for the activator: it has no
// destination elsewhere, and one here or the label of a route.
func ours(vs *istio.VirtualService) bool {
	here := vs.Labels[contract.LabelRoute] != "" || vs.Labels[contract.LabelService] != ""
	for _, h := range vs.Spec.Http {
		for _, d := range h.GetRoute() {
			if d.GetDestination().GetHost() != contract.ActivatorHost {
				return false
			}
			here = true
		}
	}
	return here
}

// compile reads a VirtualService. The problems say what of it is not followed.
func compile(vs *istio.VirtualService) (*rules, []string) {
	c := &compiler{}
	rs := &rules{external: slices.Contains(vs.Spec.Gateways, contract.Gateway)}
	for i, h := range vs.Spec.Http {
		if h != nil {
			c.at = fmt.Sprintf("http[%d]", i)
			if h.Name != "" {
				c.at += fmt.Sprintf(" (%s)", h.Name)
			}
			rs.list = append(rs.list, c.rule(h))
		}
	}
	return rs, c.problems
}

type compiler struct {
	at       string
	problems []string
}

func (c *compiler) problem(format string, args ...any) {
	c.problems = append(c.problems, c.at+": "+fmt.Sprintf(format, args...))
}

func (c *compiler) rule(h *networking.HTTPRoute) rule {
	var ru rule
	for _, m := range h.Match {
		if cond, ok := c.condition(m); ok {
			ru.conditions = append(ru.conditions, cond)
		}
	}
	if len(h.Match) > 0 && len(ru.conditions) == 0 { // none can be followed: it applies to nothing
		ru.conditions = []condition{{method: matcher{kind: matchExact}}}
	}
	if h.Redirect != nil {
		if to, ok := c.redirect(h.Redirect); ok {
			ru.redirect = to
			return ru
		}
	}
	if h.Redirect != nil || h.DirectResponse != nil || h.Delegate != nil || h.Rewrite != nil || h.Fault != nil {
		ru.refuses = "this route asks for a redirect, rewrite, delegate or fault, which the gateway does not follow"
		c.problem("%s", ru.refuses)
	}
	for _, d := range h.Route {
		ru.add(c.destination(d, h.Headers))
	}
	ru.finish(len(h.Route) == 1)
	return ru
}

func (ru *rule) add(d destination, ok bool) {
	if ok {
		ru.destinations = append(ru.destinations, d)
	}
}

// finish drops what has no weight, unless it is alone, and adds the rest up.
func (ru *rule) finish(alone bool) {
	if alone {
		return
	}
	ru.destinations = slices.DeleteFunc(ru.destinations, func(d destination) bool { return d.weight == 0 })
	for _, d := range ru.destinations {
		ru.total += d.weight
	}
}

// destination reads where a share goes; it is false if it names no revision.
func (c *compiler) destination(d *networking.HTTPRouteDestination, route *networking.Headers) (destination, bool) {
	out := destination{weight: uint32(max(d.Weight, 0))}
	c.operations(&out, route.GetRequest())
	c.operations(&out, d.Headers.GetRequest())
	has := func(key string) bool {
		return slices.ContainsFunc(out.set, func(f field) bool { return f.key == key && f.values[0] != "" })
	}
	if !has(contract.HeaderNamespace) || !has(contract.HeaderRevision) {
		c.problem("a destination does not set %s and %s, and gets nothing", contract.HeaderNamespace, contract.HeaderRevision)
		return out, false
	}
	return out, true
}

func (c *compiler) operations(out *destination, ops *networking.Headers_HeaderOperations) {
	for _, key := range ops.GetRemove() {
		out.remove = append(out.remove, http.CanonicalHeaderKey(key))
	}
	for key, value := range ops.GetAdd() {
		if c.valid(key, value) && http.CanonicalHeaderKey(key) != contract.HeaderNamespace && http.CanonicalHeaderKey(key) != contract.HeaderRevision {
			out.add = append(out.add, field{http.CanonicalHeaderKey(key), []string{value}})
		}
	}
	for key, value := range ops.GetSet() {
		switch {
		case strings.EqualFold(key, "host") || key == ":authority":
			if httpguts.ValidHostHeader(value) {
				out.host = value
			}
		case c.valid(key, value):
			out.set = append(out.set, field{http.CanonicalHeaderKey(key), []string{value}})
		}
	}
}

func (c *compiler) valid(key, value string) bool {
	ok := httpguts.ValidHeaderFieldName(key) && httpguts.ValidHeaderFieldValue(value)
	if !ok {
		c.problem("header %q cannot be set to %q", key, value)
	}
	return ok
}

// condition reads a match; it is false if a part of it is not understood.
func (c *compiler) condition(m *networking.HTTPMatchRequest) (condition, bool) {
	elsewhere := len(m.GetGateways()) > 0 && !slices.Contains(m.GetGateways(), contract.Gateway)
	if m.GetPort() != 0 || len(m.GetSourceLabels()) > 0 || elsewhere || m.GetSourceNamespace() != "" {
		c.problem("a match by port, source or another gateway is not followed, and matches nothing")
		return condition{}, false
	}
	out := condition{foldURI: m.GetIgnoreUriCase()}
	ok := c.matcher(&out.authority, m.GetAuthority()) && c.matcher(&out.uri, m.GetUri()) &&
		c.matcher(&out.method, m.GetMethod()) && c.matcher(&out.scheme, m.GetScheme()) &&
		c.keyed(&out.headers, m.GetHeaders(), true) && c.keyed(&out.without, m.GetWithoutHeaders(), true) &&
		c.keyed(&out.params, m.GetQueryParams(), false)
	if out.foldURI {
		out.uri.text = strings.ToLower(out.uri.text)
	}
	return out, ok
}

func (c *compiler) keyed(out *[]keyed, in map[string]*networking.StringMatch, headers bool) bool {
	for key, m := range in {
		if headers {
			key = http.CanonicalHeaderKey(key)
		}
		k := keyed{key: key}
		if !c.matcher(&k.value, m) {
			return false
		}
		*out = append(*out, k)
	}
	return true
}

func (c *compiler) matcher(out *matcher, m *networking.StringMatch) bool {
	switch t := m.GetMatchType().(type) {
	case *networking.StringMatch_Exact:
		*out = matcher{kind: matchExact, text: t.Exact}
	case *networking.StringMatch_Prefix:
		*out = matcher{kind: matchPrefix, text: t.Prefix}
	case *networking.StringMatch_Regex:
		re, err := regexp.Compile("^(?:" + t.Regex + ")$")
		if err != nil {
			c.problem("the regular expression %q: %v; it matches nothing", t.Regex, err)
			return false
		}
		*out = matcher{kind: matchRegex, regex: re}
	case nil:
	}
	return true
}
