package render

import (
	"fmt"
	"slices"
	"strings"

	networking "istio.io/api/networking/v1"
	istio "istio.io/client-go/pkg/apis/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

// domains are the hosts of users' own. A host is a further one of the route
// that it leads to, in the same VirtualService: its requests have the same
// shares, and move in the same write.
type domains struct {
	// of the spec that they lead to.
	of map[schema.Identity][]desired.Domain
	// asks are those who want a host, claims is who has it: who had it before,
	// else the first by name.
	asks   map[string][]schema.Identity
	claims map[string]schema.Identity
	// local are the specs whose routes nobody outside reaches.
	local map[schema.Identity]bool
}

func (d *domains) init() {
	d.of, d.local = map[schema.Identity][]desired.Domain{}, map[schema.Identity]bool{}
	d.asks, d.claims = map[string][]schema.Identity{}, map[string]schema.Identity{}
}

func (d *domains) add(id schema.Identity, n desired.Nouns) {
	for _, r := range n.Routes {
		if r.ClusterLocal {
			d.local[id] = true
		}
	}
	for _, m := range n.Domains {
		d.of[m.Target.Identity] = append(d.of[m.Target.Identity], m)
		d.asks[m.Host] = append(d.asks[m.Host], m.Claim)
		if first, claimed := d.claims[m.Host]; !claimed || m.Claim.Compare(first) < 0 {
			d.claims[m.Host] = m.Claim
		}
	}
}

// AddDomain lists a domain whose mapping has errors: it stays what it was.
func (d *Directory) AddDomain(m desired.Domain) {
	d.init()
	d.domains.add(m.Claim, desired.Nouns{Domains: []desired.Domain{m}})
}

// Contested are the domains that several mappings ask for, sorted.
func (d *Directory) Contested() []string {
	var out []string
	for host, asks := range d.domains.asks {
		if len(asks) > 1 {
			out = append(out, host)
		}
	}
	slices.Sort(out)
	return out
}

// Hold gives a domain to the mapping in a namespace, if that asks for it: it
// has it already.
func (d *Directory) Hold(host, namespace string) {
	for _, claim := range d.domains.asks[host] {
		if claim.Namespace == namespace {
			d.domains.claims[host] = claim
		}
	}
}

// Holder is the namespace whose mapping has a domain.
func (d *Directory) Holder(host string) string { return d.domains.claims[host].Namespace }

// namespaces are those of the mappings, by host.
func namespaces(domains []desired.Domain) map[string]string {
	out := make(map[string]string, len(domains))
	for _, m := range domains {
		out[m.Host] = m.Namespace
	}
	return out
}

// Domains are those that lead to a spec's route, sorted by host.
func (d *Directory) Domains(id schema.Identity, c Config) []desired.Domain {
	if d == nil || d.domains.local[id] {
		return nil
	}
	var out []desired.Domain
	for _, m := range d.domains.of[id] {
		if d.domains.claims[m.Host] == m.Claim && !c.owns(m.Host) {
			out = append(out, m)
		}
	}
	slices.SortFunc(out, func(a, b desired.Domain) int { return strings.Compare(a.Host, b.Host) })
	return out
}

// domainPrint appends what differs where the domains of a spec do: those that
// lead to it, and how those that it asks for stand.
func (d *Directory) domainPrint(b []byte, id schema.Identity, n desired.Nouns) []byte {
	for _, m := range d.domains.of[id] {
		b = fmt.Appendf(b, "%s %s %t %t;", m.Host, m.TLSSecret, m.Redirect, d.domains.claims[m.Host] == m.Claim)
	}
	for _, m := range n.Domains {
		b = fmt.Appendf(b, "%d %t %s;", d.find(m.Target.Identity), d.domains.local[m.Target.Identity], d.domains.claims[m.Host])
	}
	return b
}

// owns tells whether a host is one that the installation gives out itself.
func (c Config) owns(host string) bool {
	return host == c.Domain || strings.HasSuffix(host, "."+c.Domain)
}

// renderDomain says what is wrong with a domain, and makes the Gateway that
// has its certificate.
func renderDomain(res *Result, u Unit, c Config, m desired.Domain) error {
	trouble := func(path, text string, args ...any) {
		res.Problems = append(res.Problems, Trouble{path, fmt.Sprintf(text, args...)})
	}
	target := m.Target.Identity
	switch d := u.Directory; {
	case d == nil:
		return nil
	case c.owns(m.Host):
		trouble("metadata.name", "%s is under %s, whose hosts the installation gives out: choose a domain of your own", m.Host, c.Domain)
	case d.domains.claims[m.Host] != m.Claim:
		trouble("metadata.name", "the domain %s belongs to %s, which had it first: choose another one, or delete that mapping", m.Host, d.domains.claims[m.Host])
	case d.find(target) == missing:
		trouble(m.Target.Place.Path, "%s is not in the repository%s", target, d.near(target))
	case d.domains.local[target]:
		trouble(m.Target.Place.Path, "%s is cluster-local: take its label %s away, or this mapping", target, contract.LabelVisibility)
	case m.TLSSecret != "":
		return add(res, u, c)(certificate(m), nil)
	}
	return nil
}

// certificate is a Gateway that answers for a domain over https. Istio's
// ingress reads the Secret in its own namespace.
func certificate(m desired.Domain) built {
	return typed("networking.istio.io/v1", "Gateway", &istio.Gateway{
		ObjectMeta: metav1.ObjectMeta{Namespace: m.Namespace, Name: m.Host, Labels: map[string]string{}},
		Spec: networking.Gateway{
			Selector: map[string]string{contract.IngressLabel: contract.IngressValue},
			Servers: []*networking.Server{{
				Hosts: []string{m.Host},
				Port:  &networking.Port{Name: "https", Number: 443, Protocol: "HTTPS"},
				Tls:   &networking.ServerTLSSettings{Mode: networking.ServerTLSSettings_SIMPLE, CredentialName: m.TLSSecret},
			}},
		},
	})
}

// gateways are those by which a route is reached.
func gateways(r desired.Route, domains []desired.Domain) []string {
	if r.ClusterLocal {
		return []string{"mesh"}
	}
	out := []string{contract.Gateway}
	for _, m := range domains {
		if m.TLSSecret != "" {
			out = append(out, m.Namespace+"/"+m.Host)
		}
	}
	return append(out, "mesh")
}

// secure sends requests from outside over http to https, at the hosts that ask
// for it; nil if none does.
func secure(r desired.Route, routing Routing, c Config) *networking.HTTPRoute {
	var hosts []string
	if r.Redirect && !r.ClusterLocal {
		for _, tag := range tagsOf(routing) {
			hosts = append(hosts, c.Host(r.Namespace, r.Name, tag))
		}
	}
	for _, m := range routing.domains {
		if m.Redirect {
			hosts = append(hosts, m.Host)
		}
	}
	if len(hosts) == 0 {
		return nil
	}
	rule := &networking.HTTPRoute{Name: "https", Redirect: &networking.HTTPRedirect{Scheme: "https", RedirectCode: 301}}
	for _, host := range hosts {
		rule.Match = append(rule.Match, &networking.HTTPMatchRequest{
			Authority: &networking.StringMatch{MatchType: &networking.StringMatch_Exact{Exact: host}},
			Scheme:    &networking.StringMatch{MatchType: &networking.StringMatch_Exact{Exact: "http"}},
			Gateways:  []string{contract.Gateway},
		})
	}
	return rule
}
