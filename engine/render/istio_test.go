package render_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	networking "istio.io/api/networking/v1"
	istio "istio.io/client-go/pkg/apis/networking/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"pgregory.net/rapid"

	"github.com/sluice-dev/sluice/engine/render"
	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

// anyRoute is a route of any shape that a spec may have, with what the cluster
// knows of its revisions.
func anyRoute(t *rapid.T) render.Unit {
	id := schema.Identity{Group: "serving.knative.dev", Kind: "Service", Namespace: "shop", Name: "cart"}
	r := desired.Route{
		Namespace: id.Namespace, Name: id.Name, Service: id.Name,
		ClusterLocal: rapid.Bool().Draw(t, "cluster-local"), Redirect: rapid.Bool().Draw(t, "redirect"),
	}
	facts := render.Facts{Revisions: map[string]render.Fact{}}
	tags := rapid.Permutation([]string{"now", "old", "blue", "a", "default", ""}).Draw(t, "tags")
	left := int64(100)
	n := rapid.IntRange(1, len(tags)).Draw(t, "targets")
	for i := range n {
		percent := left
		if i < n-1 {
			percent = rapid.Int64Range(0, left).Draw(t, "percent")
		}
		left -= percent
		name := fmt.Sprintf("cart-%d", rapid.IntRange(1, 4).Draw(t, "revision"))
		facts.Revisions[name] = render.Fact{Ready: rapid.IntRange(0, 5).Draw(t, "ready") > 0}
		r.Targets = append(r.Targets, desired.Target{Revision: name, Percent: percent, Tag: tags[i], Path: "spec.traffic"})
	}
	directory := &render.Directory{}
	directory.Add(id, desired.Nouns{Routes: []desired.Route{r}})
	for i := range rapid.IntRange(0, 3).Draw(t, "domains") {
		host := fmt.Sprintf("d%d.example.org", i)
		claim := schema.Identity{Group: id.Group, Kind: "DomainMapping", Namespace: id.Namespace, Name: host}
		directory.Add(claim, desired.Nouns{Domains: []desired.Domain{{
			Namespace: id.Namespace, Host: host, Target: desired.Reference{Identity: id}, Claim: claim,
			Redirect: rapid.Bool().Draw(t, "domain redirects"), TLSSecret: rapid.SampledFrom([]string{"", "cert"}).Draw(t, "secret"),
		}}})
	}
	return render.Unit{Identity: id, Nouns: desired.Nouns{Routes: []desired.Route{r}}, Facts: facts, Directory: directory}
}

func TestVirtualService_KeepsIstiosRulesWhateverTheRoute(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u := anyRoute(t)
		res, err := render.Render(u, render.Config{Domain: "example.com", ApplySet: "set"})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range res.Manifests {
			if m.ID.Kind != "VirtualService" {
				continue
			}
			var vs istio.VirtualService
			if err := json.Unmarshal(m.JSON, &vs); err != nil {
				t.Fatal(err)
			}
			if broken := istiosRules(&vs.Spec); len(broken) > 0 {
				t.Fatalf("%s\n%s", strings.Join(broken, "\n"), m.JSON)
			}
			if broken := ourRules(&vs.Spec, u); len(broken) > 0 {
				t.Fatalf("%s\n%s", strings.Join(broken, "\n"), m.JSON)
			}
		}
	})
}

// findings are the rules that are broken.
type findings []string

func (f *findings) want(ok bool, format string, args ...any) {
	if !ok {
		*f = append(*f, fmt.Sprintf(format, args...))
	}
}

// istiosRules are those by which Istio's admission and analysers accept a
// VirtualService, as far as we use it.
func istiosRules(vs *networking.VirtualService) (f findings) {
	f.want(len(vs.Hosts) > 0, "no hosts")
	f.want(len(vs.Http) > 0, "no routes")
	for i, host := range vs.Hosts {
		f.want(len(validation.IsDNS1123Subdomain(host)) == 0, "host %q", host)
		f.want(!slices.Contains(vs.Hosts[:i], host), "host %s twice", host)
	}
	for i, g := range vs.Gateways {
		namespace, name, qualified := strings.Cut(g, "/")
		f.want(g == "mesh" || qualified && len(validation.IsDNS1123Label(namespace)) == 0 && len(validation.IsDNS1123Subdomain(name)) == 0, "gateway %q", g)
		f.want(!slices.Contains(vs.Gateways[:i], g), "gateway %s twice", g)
	}
	names := map[string]bool{}
	matches := map[string]bool{}
	for i, h := range vs.Http {
		f.want(h.Name != "" && !names[h.Name], "route %d: name %q", i, h.Name)
		names[h.Name] = true
		f.want((h.Redirect == nil) != (len(h.Route) == 0), "route %s: a route or a redirect, not both", h.Name)
		f.want(len(h.Match) > 0 || i == len(vs.Http)-1, "route %s matches all: what comes after it is never reached", h.Name)
		for _, m := range h.Match {
			f.match(m, vs)
			key := m.String()
			f.want(!matches[key], "route %s: the match %s stands twice: the second is never reached", h.Name, key)
			matches[key] = true
		}
		f.redirect(h.Redirect)
		f.destinations(h)
	}
	return f
}

func (f *findings) match(m *networking.HTTPMatchRequest, vs *networking.VirtualService) {
	f.want(m.Authority != nil || len(m.Headers) > 0, "a match that matches all")
	for name, value := range m.Headers {
		f.want(name == strings.ToLower(name) && len(validation.IsHTTPHeaderName(name)) == 0, "header %q", name)
		f.want(value != nil, "header %s: null", name)
		_, err := regexp.Compile(value.GetRegex())
		f.want(err == nil && len(value.GetRegex()) <= 1024, "header %s: %v", name, err)
	}
	if m.Authority != nil {
		f.want(slices.Contains(vs.Hosts, m.Authority.GetExact()), "authority %q is none of the hosts", m.Authority.GetExact())
	}
	for _, g := range m.Gateways {
		f.want(slices.Contains(vs.Gateways, g), "gateway %q is none of the service's", g)
	}
}

func (f *findings) redirect(r *networking.HTTPRedirect) {
	if r == nil {
		return
	}
	f.want(r.Uri != "" || r.Authority != "" || r.Scheme != "" || r.RedirectPort != nil, "a redirect to nowhere")
	f.want(r.RedirectCode >= 300 && r.RedirectCode < 400, "redirect code %d", r.RedirectCode)
}

func (f *findings) destinations(h *networking.HTTPRoute) {
	total := int32(0)
	for _, d := range h.Route {
		f.want(len(validation.IsDNS1123Subdomain(d.GetDestination().GetHost())) == 0, "destination %q", d.GetDestination().GetHost())
		f.want(d.GetDestination().GetPort().GetNumber() > 0 && d.GetDestination().GetPort().GetNumber() < 1<<16, "port %v", d.GetDestination().GetPort())
		f.want(d.Weight >= 0, "weight %d", d.Weight)
		total += d.Weight
		for name := range d.GetHeaders().GetRequest().GetSet() {
			f.want(len(validation.IsHTTPHeaderName(name)) == 0 && !strings.EqualFold(name, "host"), "header %q", name)
		}
	}
	f.want(len(h.Route) < 2 || total == 100, "route %s: the weights sum to %d", h.Name, total)
}

// ourRules are what the activator stands on.
func ourRules(vs *networking.VirtualService, u render.Unit) (f findings) {
	r := u.Nouns.Routes[0]
	for _, h := range vs.Http {
		for _, d := range h.Route {
			set := d.GetHeaders().GetRequest().GetSet()
			f.want(d.Destination.Host == contract.ActivatorHost, "destination %s", d.Destination.Host)
			f.want(set[contract.HeaderNamespace] == r.Namespace, "namespace header %q", set[contract.HeaderNamespace])
			f.want(u.Facts.Revisions[set[contract.HeaderRevision]].Ready, "a share for %q, which is not ready", set[contract.HeaderRevision])
			f.want(len(d.GetHeaders().GetRequest().GetAdd()) == 0, "a header is added, and a client could have sent it")
		}
	}
	f.want(vs.Http[len(vs.Http)-1].Name == "default" && len(vs.Http[len(vs.Http)-1].Match) == 0, "the last route is not the default")
	outside := slices.Contains(vs.Gateways, contract.Gateway)
	f.want(outside != r.ClusterLocal, "cluster-local %t, gateways %v", r.ClusterLocal, vs.Gateways)
	for _, host := range vs.Hosts {
		f.want(!r.ClusterLocal || !strings.Contains(host, ".example."), "%s at a cluster-local route", host)
	}
	return f
}

func TestVirtualService_TheRulesSeeWhatIsWrong(t *testing.T) {
	good := func() *networking.VirtualService {
		to := func(weight int32) *networking.HTTPRouteDestination {
			return &networking.HTTPRouteDestination{Weight: weight, Destination: &networking.Destination{Host: "a.b", Port: &networking.PortSelector{Number: 80}}}
		}
		return &networking.VirtualService{
			Hosts: []string{"a.example.com"}, Gateways: []string{"mesh"},
			Http: []*networking.HTTPRoute{
				{Name: "tag", Match: []*networking.HTTPMatchRequest{{Authority: &networking.StringMatch{MatchType: &networking.StringMatch_Exact{Exact: "a.example.com"}}}}, Route: []*networking.HTTPRouteDestination{to(0)}},
				{Name: "default", Route: []*networking.HTTPRouteDestination{to(30), to(70)}},
			},
		}
	}
	if f := istiosRules(good()); len(f) > 0 {
		t.Fatal(f)
	}
	for name, spoil := range map[string]func(*networking.VirtualService){
		"host twice":   func(vs *networking.VirtualService) { vs.Hosts = append(vs.Hosts, vs.Hosts[0]) },
		"weights":      func(vs *networking.VirtualService) { vs.Http[1].Route[0].Weight = 31 },
		"order":        func(vs *networking.VirtualService) { slices.Reverse(vs.Http) },
		"foreign host": func(vs *networking.VirtualService) { vs.Hosts[0] = "b.example.com" },
		"both": func(vs *networking.VirtualService) {
			vs.Http[0].Redirect = &networking.HTTPRedirect{Scheme: "https", RedirectCode: 301}
		},
		"nothing":          func(vs *networking.VirtualService) { vs.Http[1].Route = nil },
		"a name twice":     func(vs *networking.VirtualService) { vs.Http[0].Name = "default" },
		"a match twice":    func(vs *networking.VirtualService) { vs.Http[0].Match = append(vs.Http[0].Match, vs.Http[0].Match[0]) },
		"a gateway's name": func(vs *networking.VirtualService) { vs.Gateways = []string{"a/b/c"} },
	} {
		vs := good()
		if spoil(vs); len(istiosRules(vs)) == 0 {
			t.Errorf("%s is not seen", name)
		}
	}
}
