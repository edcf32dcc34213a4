package render

import (
	"encoding/json"
	"slices"

	istio "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/desired"
)

// ReadDomains reads back, from a unit's VirtualService in the cluster, what
// domains it was rendered with; the namespaces of their mappings are given by
// host. What cannot be read has none.
func ReadDomains(object []byte, namespaces map[string]string, unit schema.Identity) []desired.Domain {
	var vs istio.VirtualService
	if len(namespaces) == 0 || json.Unmarshal(object, &vs) != nil {
		return nil
	}
	var out []desired.Domain
	for host, namespace := range namespaces {
		if !slices.Contains(vs.Spec.Hosts, host) {
			continue
		}
		m := desired.Domain{
			Namespace: namespace, Host: host, Redirect: redirected(&vs, host), Target: desired.Reference{Identity: unit},
			Claim: schema.Identity{Group: "serving.knative.dev", Kind: "DomainMapping", Namespace: namespace, Name: host},
		}
		if slices.Contains(vs.Spec.Gateways, namespace+"/"+host) {
			m.TLSSecret = host // whatever its name: the Gateway that names it stays as it is
		}
		out = append(out, m)
	}
	return out
}

// redirected reports whether a route sends http to https at a host.
func redirected(vs *istio.VirtualService, host string) bool {
	for _, rule := range vs.Spec.Http {
		for _, match := range rule.Match {
			if rule.Redirect != nil && match.Authority.GetExact() == host {
				return true
			}
		}
	}
	return false
}
