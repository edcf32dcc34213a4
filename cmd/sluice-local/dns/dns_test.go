package dns

import (
	"context"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	"go.uber.org/goleak"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func ptr[T any](v T) *T { return &v }

// objects is a cluster with one Service of each sort.
func objects() []runtime.Object {
	meta := func(ns, name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: ns, Name: name}
	}
	web := []corev1.ServicePort{{Name: "http", Protocol: corev1.ProtocolTCP, Port: 80}}
	slice := meta("apps", "db-1")
	slice.Labels = map[string]string{discoveryv1.LabelServiceName: "db"}
	return []runtime.Object{
		&corev1.Service{ObjectMeta: meta("sluice-system", "activator"), Spec: corev1.ServiceSpec{ClusterIP: "10.96.1.1", ClusterIPs: []string{"10.96.1.1"}, Ports: web}},
		&corev1.Service{ObjectMeta: meta("default", "hello"), Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName, ExternalName: "activator.sluice-system.svc.cluster.local"}},
		&corev1.Service{ObjectMeta: meta("default", "round"), Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName, ExternalName: "round.default.svc.cluster.local"}},
		&corev1.Service{ObjectMeta: meta("default", "away"), Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName, ExternalName: "www.example.com"}},
		&corev1.Service{ObjectMeta: meta("apps", "db"), Spec: corev1.ServiceSpec{ClusterIP: corev1.ClusterIPNone, ClusterIPs: []string{corev1.ClusterIPNone}}},
		&discoveryv1.EndpointSlice{ObjectMeta: slice, Ports: []discoveryv1.EndpointPort{{Name: ptr("sql"), Port: ptr[int32](5432), Protocol: ptr(corev1.ProtocolTCP)}}, Endpoints: []discoveryv1.Endpoint{
			{Addresses: []string{"10.244.0.7"}, Hostname: ptr("db-0")},
			{Addresses: []string{"10.244.0.8"}},
			{Addresses: []string{"10.244.0.9"}, Conditions: discoveryv1.EndpointConditions{Ready: ptr(false)}},
		}},
	}
}

// watched is a Source fed by a real informer.
func watched(t *testing.T) *Watch {
	t.Helper()
	w, err := NewWatch(fake.NewClientset(objects()...))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	if err := w.Synced(ctx); err != nil {
		t.Fatal(err)
	}
	return w
}

// serve runs a server on loopback and returns its address, which is the same
// for UDP and TCP.
func serve(t *testing.T, src Source, upstream ...string) string {
	t.Helper()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	udp, err := net.ListenPacket("udp", tcp.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s := New(Config{Source: src, UDP: udp, TCP: tcp, Upstream: upstream, Log: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return tcp.Addr().String()
}

// ask returns the answer's code and its records, without name and age.
func ask(t *testing.T, network, server, name string, kind uint16) (code string, records []string) {
	t.Helper()
	c := &dns.Client{Net: network}
	reply, _, err := c.Exchange(new(dns.Msg).SetQuestion(name, kind), server)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for _, rr := range reply.Answer {
		records = append(records, strings.Join(strings.Fields(rr.String())[3:], " "))
	}
	slices.Sort(records)
	return dns.RcodeToString[reply.Rcode], records
}

func TestServer_KnowsTheNamesOfTheCluster(t *testing.T) {
	src := watched(t)
	world := serve(t, src) // refuses everything; enough to be somebody else
	server := serve(t, src, world)
	for _, c := range []struct {
		name    string
		kind    uint16
		code    string
		records []string
	}{
		{"activator.sluice-system.svc.cluster.local.", dns.TypeA, "NOERROR", []string{"A 10.96.1.1"}},
		{"Activator.Sluice-System.svc.cluster.local.", dns.TypeA, "NOERROR", []string{"A 10.96.1.1"}},
		{"activator.sluice-system.svc.cluster.local.", dns.TypeAAAA, "NOERROR", nil},
		{"hello.default.svc.cluster.local.", dns.TypeA, "NOERROR", []string{"A 10.96.1.1", "CNAME activator.sluice-system.svc.cluster.local."}},
		{"hello.default.svc.cluster.local.", dns.TypeCNAME, "NOERROR", []string{"CNAME activator.sluice-system.svc.cluster.local."}},
		{"away.default.svc.cluster.local.", dns.TypeA, "REFUSED", []string{"CNAME www.example.com."}},
		{"round.default.svc.cluster.local.", dns.TypeA, "SERVFAIL", nil},
		{"db.apps.svc.cluster.local.", dns.TypeA, "NOERROR", []string{"A 10.244.0.7", "A 10.244.0.8"}},
		{"db-0.db.apps.svc.cluster.local.", dns.TypeA, "NOERROR", []string{"A 10.244.0.7"}},
		{"10-244-0-8.db.apps.svc.cluster.local.", dns.TypeA, "NOERROR", []string{"A 10.244.0.8"}},
		{"10-244-0-9.db.apps.svc.cluster.local.", dns.TypeA, "NXDOMAIN", nil},
		{"_http._tcp.activator.sluice-system.svc.cluster.local.", dns.TypeSRV, "NOERROR", []string{"SRV 0 100 80 activator.sluice-system.svc.cluster.local."}},
		{"_sql._tcp.db.apps.svc.cluster.local.", dns.TypeSRV, "NOERROR", []string{"SRV 0 100 5432 10-244-0-8.db.apps.svc.cluster.local.", "SRV 0 100 5432 db-0.db.apps.svc.cluster.local."}},
		{"_no._tcp.db.apps.svc.cluster.local.", dns.TypeSRV, "NXDOMAIN", nil},
		{"x.hello.default.svc.cluster.local.", dns.TypeA, "NXDOMAIN", nil},
		{"nobody.default.svc.cluster.local.", dns.TypeA, "NXDOMAIN", nil},
		{"default.svc.cluster.local.", dns.TypeA, "NOERROR", nil},
		{"none.svc.cluster.local.", dns.TypeA, "NXDOMAIN", nil},
		{"svc.cluster.local.", dns.TypeA, "NOERROR", nil},
		{"www.example.com.", dns.TypeA, "REFUSED", nil},
	} {
		for _, network := range []string{"udp", "tcp"} {
			code, records := ask(t, network, server, c.name, c.kind)
			if diff := cmp.Diff(c.records, records); code != c.code || diff != "" {
				t.Errorf("%s %s by %s: %s, want %s; records (-want +got):\n%s", c.name, dns.TypeToString[c.kind], network, code, c.code, diff)
			}
		}
	}
}

func TestUpstream_ReadsTheMachinesOwn(t *testing.T) {
	if got, err := Upstream(""); got != nil || err != nil {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := Upstream("/does/not/exist"); err == nil {
		t.Error("no error for a file that is not there")
	}
}

func BenchmarkLookup(b *testing.B) {
	w, err := NewWatch(fake.NewClientset(objects()...))
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error)
	go func() { ended <- w.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	if err := w.Synced(ctx); err != nil {
		b.Fatal(err)
	}
	q := dns.Question{Name: "activator.sluice-system.svc.cluster.local.", Qtype: dns.TypeA, Qclass: dns.ClassINET}
	b.ReportAllocs()
	for b.Loop() {
		lookup(w, q)
	}
}
