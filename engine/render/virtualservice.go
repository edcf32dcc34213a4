package render

import (
	"slices"

	networking "istio.io/api/networking/v1"
	istio "istio.io/client-go/pkg/apis/networking/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/engine/rollout"
	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

// virtualService is the one VirtualService of a route: a host and a rule per
// tag, then the rule that splits by weight. Every destination is the
// activator; headers, set and never appended, tell it the revision.
func virtualService(r desired.Route, routing Routing, c Config) (built, error) {
	vs := &istio.VirtualService{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: r.Namespace, Name: r.Name, Labels: labelsOf(r),
			Annotations: merged(r.Annotations, nil),
		},
	}
	if len(routing.LatestReady) > 0 {
		vs.Annotations[contract.AnnotationLatestReady] = joinPairs(routing.LatestReady)
	}
	if len(routing.RefReady) > 0 {
		vs.Annotations[contract.AnnotationRefReady] = joinPairs(routing.RefReady)
	}
	if len(routing.Previews) > 0 {
		vs.Annotations[contract.AnnotationPreviews] = joinPairs(routing.Previews)
	}
	if len(routing.Rollouts) > 0 {
		vs.Annotations[contract.AnnotationRollouts] = rollout.Encode(routing.Rollouts)
	}
	if len(routing.domains) > 0 {
		vs.Annotations[contract.AnnotationDomains] = joinPairs(namespaces(routing.domains))
	}
	vs.Spec.Gateways = gateways(r, routing.domains)
	if rule := secure(r, routing, c); rule != nil {
		vs.Spec.Http = append(vs.Spec.Http, rule)
	}
	for _, tag := range tagsOf(routing) {
		hosts := hostsOf(r, tag, c)
		vs.Spec.Hosts = append(vs.Spec.Hosts, hosts...)
		if tag != "" {
			vs.Spec.Http = append(vs.Spec.Http, tagRule(r, routing, tag, hosts))
		}
	}
	for _, m := range routing.domains {
		vs.Spec.Hosts = append(vs.Spec.Hosts, m.Host)
	}
	vs.Spec.Http = append(vs.Spec.Http, tagHeaders(r, routing)...)
	vs.Spec.Http = append(vs.Spec.Http, &networking.HTTPRoute{Name: "default", Route: split(r, routing)})
	return typed("networking.istio.io/v1", "VirtualService", vs), nil
}

// tagsOf are the route's tags, sorted; the empty one, the route itself, first.
func tagsOf(routing Routing) []string {
	tags := []string{""}
	for _, s := range routing.Shares {
		if s.Tag != "" {
			tags = append(tags, s.Tag)
		}
	}
	slices.Sort(tags)
	return slices.Compact(tags)
}

func hostsOf(r desired.Route, tag string, c Config) []string {
	local := LocalHosts(r.Namespace, r.Name, tag)
	if r.ClusterLocal {
		return local
	}
	return append([]string{c.Host(r.Namespace, r.Name, tag)}, local...)
}

// tagRule sends a tag's hosts to the tag's revision.
func tagRule(r desired.Route, routing Routing, tag string, hosts []string) *networking.HTTPRoute {
	rule := &networking.HTTPRoute{Name: "tag-" + tag, Route: tagRoute(r, routing, tag)}
	for _, host := range hosts {
		rule.Match = append(rule.Match, &networking.HTTPMatchRequest{
			Authority: &networking.StringMatch{MatchType: &networking.StringMatch_Exact{Exact: host}},
		})
	}
	return rule
}

// split is a destination per revision with a share, in the order written;
// targets of one revision are added up.
func split(r desired.Route, routing Routing) []*networking.HTTPRouteDestination {
	var order []string
	weight := map[string]int64{}
	for _, s := range routing.Shares {
		if s.Percent == 0 {
			continue
		}
		if _, seen := weight[s.Revision]; !seen {
			order = append(order, s.Revision)
		}
		weight[s.Revision] += s.Percent
	}
	out := make([]*networking.HTTPRouteDestination, 0, len(order))
	for _, revision := range order {
		w := int32(weight[revision])
		if len(order) == 1 {
			w = 0 // Istio's form for "all of it"
		}
		out = append(out, destination(r.Namespace, revision, w))
	}
	return out
}

func destination(namespace, revision string, weight int32) *networking.HTTPRouteDestination {
	return &networking.HTTPRouteDestination{
		Destination: &networking.Destination{
			Host: contract.ActivatorHost,
			Port: &networking.PortSelector{Number: contract.ActivatorPort},
		},
		Weight: weight,
		Headers: &networking.Headers{Request: &networking.Headers_HeaderOperations{
			Set: map[string]string{contract.HeaderNamespace: namespace, contract.HeaderRevision: revision},
		}},
	}
}

// service is the route's name inside the cluster; it points at the activator.
func service(r desired.Route) (built, error) {
	return typed("v1", "Service", &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: r.Namespace, Name: r.Name, Labels: labelsOf(r)},
		Spec: corev1.ServiceSpec{
			Type:         corev1.ServiceTypeExternalName,
			ExternalName: contract.ActivatorHost,
		},
	}), nil
}
