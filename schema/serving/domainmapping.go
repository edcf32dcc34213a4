package serving

import (
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/desired"
	"github.com/sluice-dev/sluice/schema/strict"
)

// DomainMapping leads a host of the user's own, which is its name, to a
// Service or Route.
type DomainMapping struct {
	id          schema.Identity
	annotations map[string]string
	target      desired.Reference
	secret      string
}

// domainMapping is a DomainMapping as written. v1alpha1 and v1beta1 are alike.
type domainMapping struct {
	object `json:",inline"`
	Spec   struct {
		Ref domainRef `json:"ref"`
		TLS *struct {
			SecretName string `json:"secretName"`
		} `json:"tls,omitempty"`
	} `json:"spec"`
}

type domainRef struct {
	Kind       string `json:"kind"`
	Namespace  string `json:"namespace,omitempty"`
	Name       string `json:"name"`
	APIVersion string `json:"apiVersion,omitempty"`
	Group      string `json:"group,omitempty"`
	Address    string `json:"address,omitempty"`
}

var _ desired.Source = (*DomainMapping)(nil)

// Identity names the mapping.
func (d *DomainMapping) Identity() schema.Identity { return d.id }

// Desire gives one Domain.
func (d *DomainMapping) Desire() desired.Nouns {
	return desired.Nouns{Domains: []desired.Domain{{
		Namespace: d.id.Namespace, Host: d.id.Name, Target: d.target, TLSSecret: d.secret,
		Redirect: redirects(d.annotations), Claim: d.id,
	}}}
}

func decodeDomainMapping(doc schema.Document) (schema.Spec, []schema.Problem) {
	var w domainMapping
	if problems := strict.Decode(doc, &w); len(problems) > 0 {
		return nil, problems
	}
	d := &DomainMapping{id: doc.Identity, annotations: w.Annotations}
	c := &check{doc: doc}
	c.domain(doc.Identity.Name)
	c.routeMetadata(w.Labels, w.Annotations, "the template of the Service that it leads to")
	d.target = c.domainTarget(doc.Identity.Namespace, w.Spec.Ref)
	if w.Spec.TLS != nil {
		d.secret = w.Spec.TLS.SecretName
		if len(validation.IsDNS1123Subdomain(d.secret)) > 0 {
			c.errorf("spec.tls.secretName", "want the name of a Secret with tls.crt and tls.key, got %q", short(d.secret))
		}
	}
	if redirects(w.Annotations) && d.secret == "" {
		c.warnf("spec.tls", "without a certificate of its own, https has the one of the ingress, if that has one for this host")
	}
	return c.result(d)
}

// domain checks a host that may be anybody's, but not the cluster's own.
func (c *check) domain(host string) {
	switch {
	case len(validation.IsDNS1123Subdomain(host)) > 0:
		c.errorf("metadata.name", "%q is no host: the name of a DomainMapping is its domain, as shop.example.com", short(host))
	case !strings.Contains(host, "."):
		c.errorf("metadata.name", "%q has no dot: the name of a DomainMapping is its domain, as shop.example.com", host)
	case host == "cluster.local", strings.HasSuffix(host, ".cluster.local"), strings.HasSuffix(host, ".svc"):
		c.errorf("metadata.name", "%s is a name of the cluster itself: choose a domain of your own", host)
	}
}

// domainTarget checks whom a mapping leads to: what has revisions.
func (c *check) domainTarget(namespace string, r domainRef) desired.Reference {
	group, _, versioned := strings.Cut(r.APIVersion, "/")
	if !versioned {
		group = r.Group
	}
	switch {
	case r.Name == "" || r.Kind == "":
		c.errorf("spec.ref", "whom does the domain lead to? write kind, name and apiVersion: "+V1)
	case group != Group || r.Kind != "Service" && r.Kind != "Route":
		c.errorf("spec.ref", "want a Service or Route of apiVersion %s, got %s of %q: only they have revisions", V1, short(r.Kind), short(r.APIVersion))
	case r.Namespace != "" && r.Namespace != namespace:
		c.errorf("spec.ref.namespace", "a domain leads to its own namespace, %s: move the mapping to %s, or leave this out", namespace, short(r.Namespace))
	case r.Address != "":
		c.errorf("spec.ref.address", "a Service has one address: leave it out")
	}
	return desired.Reference{
		Identity: schema.Identity{Group: Group, Kind: r.Kind, Namespace: namespace, Name: r.Name}, Place: desired.Place{Path: "spec.ref"},
	}
}

// redirects tells whether requests over http are sent to https.
func redirects(annotations map[string]string) bool {
	for _, key := range append([]string{httpProtocolKey}, olderHTTPProtocol...) {
		if v, ok := annotations[key]; ok {
			return strings.EqualFold(v, "redirected")
		}
	}
	return false
}
