package eventing

import (
	"net/url"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

// destination is Knative's: an object, a URI, or a URI relative to an object.
type destination struct {
	Ref      *objectRef `json:"ref,omitempty"`
	URI      string     `json:"uri,omitempty"`
	CACerts  string     `json:"CACerts,omitempty"`
	Audience string     `json:"audience,omitempty"`
}

// objectRef is Knative's KReference.
type objectRef struct {
	APIVersion string `json:"apiVersion,omitempty"`
	Group      string `json:"group,omitempty"`
	Kind       string `json:"kind,omitempty"`
	Name       string `json:"name,omitempty"`
	Namespace  string `json:"namespace,omitempty"`
	Address    string `json:"address,omitempty"`
}

// group is that of the apiVersion, or the one written alone.
func (r objectRef) group() string {
	if r.APIVersion != "" {
		return schema.GroupOf(r.APIVersion)
	}
	return r.Group
}

// to is a destination, resolved as far as names alone go, and the specs that
// have to be there for it.
type to struct {
	contract.Destination
	refs []desired.Reference
}

// url is where events are posted to, for who speaks HTTP alone.
func (t to) url() contract.Destination {
	d := t.Destination
	if d.Channel != nil {
		d = contract.Destination{URL: contract.ChannelURL(d.Channel.Namespace, d.Channel.Name), CACerts: d.CACerts}
	}
	return d
}

// destination resolves what is written at a path.
func (c *check) destination(path string, d destination) to {
	c.inert(path+".audience", d.Audience != "", "tokens are not asked for between parts of this platform")
	if d.CACerts != "" && !strings.Contains(d.CACerts, "-----BEGIN CERTIFICATE-----") {
		c.errorf(path+".CACerts", "want certificates in PEM, beginning with -----BEGIN CERTIFICATE-----")
	}
	var out to
	switch {
	case d.Ref != nil:
		out = c.addressable(path, *d.Ref, d.URI)
	case d.URI != "":
		out.URL = c.absolute(path+".uri", d.URI)
	default:
		c.errorf(path, "says nobody: write ref (apiVersion, kind, name) or uri")
	}
	out.CACerts = d.CACerts
	return out
}

// addressables are the kinds that events can be sent to.
const addressables = "Service (serving.knative.dev/v1 or v1), Route, Channel, InMemoryChannel or Broker"

// addressable resolves the object in a destination's ref.
func (c *check) addressable(path string, r objectRef, uri string) to {
	return c.addressableAt(path+".ref", r, uri)
}

// addressableAt resolves an object by its name; uri stands beside it.
func (c *check) addressableAt(at string, r objectRef, uri string) to {
	uriAt := strings.TrimSuffix(at, ".ref") + ".uri"
	c.inert(at+".address", r.Address != "", "each object has one address here")
	if !c.required(at+".kind", r.Kind, "write "+addressables) || !c.required(at+".name", r.Name, "write the object's name") {
		return to{}
	}
	ns := c.namespace(r.Namespace)
	refs := []desired.Reference{c.reference(at, r.group(), r.Kind, ns, r.Name)}
	switch r.group() + "/" + r.Kind {
	case "/Service":
		refs = nil // it may be anybody's
		fallthrough
	case "serving.knative.dev/Service", "serving.knative.dev/Route":
		return to{contract.Destination{URL: c.relative(uriAt, "http://"+clusterHost(ns, r.Name)+"/", uri)}, refs}
	}
	channel, ok := channelOf(r.group(), r.Kind, ns, r.Name)
	if !ok {
		c.errorf(at, "kind %s%s takes no events: write %s", r.Kind, ofGroup(r.group()), addressables)
		return to{}
	}
	if uri != "" && uri != "/" {
		c.errorf(uriAt, "a %s takes events at its address alone: leave uri out", r.Kind)
	}
	return to{contract.Destination{Channel: &channel}, refs}
}

// channelOf is the channel that an object is, if it is one.
func channelOf(group, kind, namespace, name string) (contract.Ref, bool) {
	switch group + "/" + kind {
	case EventingGroup + "/Broker":
		return contract.Ref{Namespace: namespace, Name: contract.BrokerChannel(name)}, true
	case MessagingGroup + "/Channel", MessagingGroup + "/InMemoryChannel", ChannelsGroup + "/Channel":
		return contract.Ref{Namespace: namespace, Name: name}, true
	}
	return contract.Ref{}, false
}

func ofGroup(group string) string {
	if group == "" {
		return " without a group"
	}
	return " of " + group
}

func clusterHost(namespace, name string) string {
	return name + "." + namespace + ".svc." + contract.ClusterDomain
}

// absolute checks a URL that stands alone.
func (c *check) absolute(path, text string) string {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		c.errorf(path, "%q is no URL: write it as http://name.namespace.svc.cluster.local/path", short(text))
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		c.errorf(path, "%q is no complete URL: it begins with http:// or https:// and a host, unless ref stands beside it", short(text))
	case u.User != nil:
		c.errorf(path, "a URL in Git holds no user name and password: leave them out")
		return ""
	}
	return text
}

// relative resolves a URI against an object's own address.
func (c *check) relative(path, base, uri string) string {
	if uri == "" {
		return base
	}
	b, err := url.Parse(base)
	if err != nil {
		c.errorf(path, "cannot be joined to %s", base)
		return base
	}
	u, err := b.Parse(uri)
	if err != nil || u.Host != b.Host || u.Scheme != b.Scheme {
		c.errorf(path, "%q is not relative to the object that ref names: write a path such as /orders, or leave ref out", short(uri))
		return base
	}
	return u.String()
}

// dnsName is how 2018's kinds name who gets events: a Service of the same
// namespace, a host, or a URL.
func (c *check) dnsName(path, text string) to {
	switch {
	case strings.Contains(text, "://"):
		return to{contract.Destination{URL: c.absolute(path, text)}, nil}
	case len(validation.IsDNS1123Subdomain(text)) > 0:
		c.errorf(path, "%q is no host: write a Service's name, a host such as name.namespace.svc.cluster.local, or a URL", short(text))
		return to{}
	case strings.Contains(text, "."):
		return to{contract.Destination{URL: "http://" + text + "/"}, nil}
	}
	ns := c.doc.Identity.Namespace
	return to{contract.Destination{URL: "http://" + clusterHost(ns, text) + "/"}, []desired.Reference{c.reference(path, "", "Service", ns, text)}}
}
