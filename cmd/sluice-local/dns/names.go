package dns

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
)

// Zone is the cluster's domain; services are below its svc.
const (
	Zone     = "cluster.local."
	services = "svc." + Zone
)

// ttl is how long an answer may be kept, in seconds.
const ttl = 5

// Source is where names are looked up.
type Source interface {
	// Service is a Service, nil if there is none.
	Service(namespace, name string) *corev1.Service
	// Endpoints are the slices of a Service.
	Endpoints(namespace, name string) []*discoveryv1.EndpointSlice
	// Namespace reports whether a namespace has any Service.
	Namespace(name string) bool
}

// answer is what the cluster says of a name.
type answer struct {
	// known says that the name is there, though it may have no record of the type.
	known bool
	// records answer the question; extra come in handy.
	records, extra []dns.RR
	// further is another name that has to be asked for: an external one's.
	further string
}

// lookup says what the cluster knows of a question below Zone.
func lookup(src Source, q dns.Question) answer {
	name := strings.ToLower(q.Name)
	if name == Zone || name == services {
		return answer{known: true}
	}
	rest, ok := strings.CutSuffix(name, "."+services)
	if !ok {
		return answer{}
	}
	labels := strings.Split(rest, ".")
	slices.Reverse(labels)
	if len(labels) == 1 {
		return answer{known: src.Namespace(labels[0])}
	}
	svc := src.Service(labels[0], labels[1])
	if svc == nil {
		return answer{}
	}
	slices.Reverse(labels)
	return ofService(src, svc, labels[:len(labels)-2], q)
}

// ofService answers for a Service, or for what stands before it in a name:
// nothing, a pod's host name, or _port and _protocol.
func ofService(src Source, svc *corev1.Service, before []string, q dns.Question) answer {
	if svc.Spec.Type == corev1.ServiceTypeExternalName {
		return external(svc, before, q)
	}
	if len(before) == 2 && strings.HasPrefix(before[0], "_") && strings.HasPrefix(before[1], "_") {
		return ports(src, svc, before[0][1:], before[1][1:], q)
	}
	var ips []netip.Addr
	switch {
	case len(before) == 0 && svc.Spec.ClusterIP != corev1.ClusterIPNone:
		ips = parsed(svc.Spec.ClusterIPs)
	case len(before) == 0:
		for _, e := range ready(src, svc) {
			ips = append(ips, parsed(e.Addresses)...)
		}
	case len(before) == 1:
		for _, e := range ready(src, svc) {
			if hostOf(e) == before[0] {
				ips = append(ips, parsed(e.Addresses)...)
			}
		}
	}
	return answer{known: len(ips) > 0 || len(before) == 0, records: addresses(q.Name, ips, q.Qtype)}
}

// external is another name for the Service's.
func external(svc *corev1.Service, before []string, q dns.Question) answer {
	if len(before) > 0 {
		return answer{}
	}
	to := strings.ToLower(dns.Fqdn(svc.Spec.ExternalName))
	alias := &dns.CNAME{Hdr: header(q.Name, dns.TypeCNAME), Target: to}
	if q.Qtype == dns.TypeCNAME {
		to = ""
	}
	return answer{known: true, records: []dns.RR{alias}, further: to}
}

// ports answers for one port by its name: where it is, and at which number.
func ports(src Source, svc *corev1.Service, port, protocol string, q dns.Question) answer {
	a := answer{}
	record := func(host string, number int32, ips []netip.Addr) {
		a.known = true
		if q.Qtype == dns.TypeSRV {
			a.records = append(a.records, &dns.SRV{Hdr: header(q.Name, dns.TypeSRV), Weight: 100, Port: uint16(number), Target: host})
			a.extra = append(a.extra, addresses(host, ips, dns.TypeA)...)
		}
	}
	self := svc.Name + "." + svc.Namespace + "." + services
	if svc.Spec.ClusterIP != corev1.ClusterIPNone {
		for _, p := range svc.Spec.Ports {
			if p.Name == port && strings.EqualFold(string(p.Protocol), protocol) {
				record(self, p.Port, parsed(svc.Spec.ClusterIPs))
			}
		}
		return a
	}
	for _, slice := range src.Endpoints(svc.Namespace, svc.Name) {
		for _, p := range slice.Ports {
			if p.Name == nil || *p.Name != port || p.Port == nil || p.Protocol == nil || !strings.EqualFold(string(*p.Protocol), protocol) {
				continue
			}
			for _, e := range slice.Endpoints {
				if isReady(svc, e) {
					record(hostOf(e)+"."+self, *p.Port, parsed(e.Addresses))
				}
			}
		}
	}
	return a
}

// ready are the endpoints of a Service that may be asked.
func ready(src Source, svc *corev1.Service) []discoveryv1.Endpoint {
	var all []discoveryv1.Endpoint
	for _, slice := range src.Endpoints(svc.Namespace, svc.Name) {
		for _, e := range slice.Endpoints {
			if isReady(svc, e) {
				all = append(all, e)
			}
		}
	}
	return all
}

func isReady(svc *corev1.Service, e discoveryv1.Endpoint) bool {
	return svc.Spec.PublishNotReadyAddresses || e.Conditions.Ready == nil || *e.Conditions.Ready
}

// hostOf is an endpoint's own label: its host name, or its address with dashes.
func hostOf(e discoveryv1.Endpoint) string {
	if e.Hostname != nil && *e.Hostname != "" {
		return *e.Hostname
	}
	return strings.NewReplacer(".", "-", ":", "-").Replace(e.Addresses[0])
}

func parsed(texts []string) []netip.Addr {
	var ips []netip.Addr
	for _, text := range texts {
		if ip, err := netip.ParseAddr(text); err == nil {
			ips = append(ips, ip)
		}
	}
	return ips
}

// addresses are the records of one type.
func addresses(name string, ips []netip.Addr, kind uint16) []dns.RR {
	var out []dns.RR
	for _, ip := range ips {
		switch {
		case ip.Is4() && (kind == dns.TypeA || kind == dns.TypeANY):
			out = append(out, &dns.A{Hdr: header(name, dns.TypeA), A: ip.AsSlice()})
		case ip.Is6() && (kind == dns.TypeAAAA || kind == dns.TypeANY):
			out = append(out, &dns.AAAA{Hdr: header(name, dns.TypeAAAA), AAAA: ip.AsSlice()})
		}
	}
	return out
}

func header(name string, kind uint16) dns.RR_Header {
	return dns.RR_Header{Name: name, Rrtype: kind, Class: dns.ClassINET, Ttl: ttl}
}
