package gateway

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	networking "istio.io/api/networking/v1"
	istio "istio.io/client-go/pkg/apis/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestTable_OtherPeoplesVirtualServicesAreIgnored(t *testing.T) {
	table := NewTable(nil)
	foreign := virtualService("foreign", []string{"foreign"}, &networking.HTTPRoute{Route: []*networking.HTTPRouteDestination{{Destination: &networking.Destination{Host: "theirs"}}}})
	mixed := virtualService("mixed", []string{"mixed"}, route(nil, dest("a", 50)), foreign.Spec.Http[0])
	empty := virtualService("empty", []string{"empty"})
	empty.Labels = nil
	for _, vs := range []*istio.VirtualService{foreign, mixed, empty} {
		table.SetRoute(vs)
	}
	h, next := gateway(t, Config{Table: table})
	for _, host := range []string{"foreign", "mixed", "empty"} {
		if code, _, _ := ask(h, next, get(host, "/")); code != 404 {
			t.Errorf("%s: %d", host, code)
		}
	}
	if p := table.Problems(); len(p) != 0 {
		t.Errorf("reported: %v", p)
	}
}

func TestTable_TheOlderClaimWinsAHost(t *testing.T) {
	var logged bytes.Buffer
	at := func(vs *istio.VirtualService, sec int64) *istio.VirtualService {
		vs.CreationTimestamp = metav1.Unix(sec, 0)
		return vs
	}
	older := at(virtualService("z-older", []string{"hello", "own"}, route(nil, dest("older", 0))), 100)
	newer := at(virtualService("a-newer", []string{"hello"}, route(nil, dest("newer", 0))), 200)
	same := at(virtualService("b-same", []string{"hello"}, route(nil, dest("same", 0))), 200)
	for name, order := range map[string][]*istio.VirtualService{
		"older first": {older, newer, same}, "newer first": {same, newer, older}, "repeated": {newer, same, older, newer, older, same},
	} {
		t.Run(name, func(t *testing.T) {
			table := NewTable(slog.New(slog.NewTextHandler(&logged, nil)))
			for _, vs := range order {
				table.SetRoute(vs)
			}
			h, next := gateway(t, Config{Table: table})
			steps := []struct {
				do   func()
				want string
			}{
				{func() {}, "default/older"},
				{func() { table.DeleteRoute("default", "z-older") }, "default/newer"},
				{func() { table.DeleteRoute("default", "a-newer") }, "default/same"},
				{func() { table.SetRoute(older) }, "default/older"},
				{func() { table.DeleteRoute("default", "z-older"); table.DeleteRoute("default", "b-same") }, ""},
			}
			if p := table.Problems(); len(p) != 2 || p[0].Name != "a-newer" || !strings.Contains(p[0].Text, "default/z-older") {
				t.Errorf("problems %v", p)
			}
			for i, s := range steps {
				s.do()
				if _, got, _ := ask(h, next, get("hello", "/")); got != s.want {
					t.Errorf("step %d: %q, want %q", i, got, s.want)
				}
			}
		})
	}
	if !strings.Contains(logged.String(), "claim one host") {
		t.Error("nothing was logged")
	}
}

func TestTable_AChangeOfHostsFreesTheOldOnes(t *testing.T) {
	table := NewTable(nil)
	table.SetRoute(virtualService("hello", []string{"a", "b"}, route(nil, dest("r1", 0))))
	table.SetRoute(virtualService("hello", []string{"b", "c"}, route(nil, dest("r2", 0))))
	h, next := gateway(t, Config{Table: table})
	for host, want := range map[string]string{"a": "", "b": "default/r2", "c": "default/r2"} {
		if _, got, _ := ask(h, next, get(host, "/")); got != want {
			t.Errorf("%s: %q, want %q", host, got, want)
		}
	}
}

func TestTable_ReadersSeeOldOrNewRulesAndNothingElse(t *testing.T) {
	table := NewTable(nil)
	set := func(rev string) {
		hosts := []string{"a", "b", "c"} // with each change of rules, a change of hosts
		table.SetRoute(virtualService("hello", hosts[:2+len(rev)%2], route(nil, dest(rev, 0))))
	}
	set("r0")
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if rs := table.find("a"); rs == nil || len(rs.list) != 1 || len(rs.list[0].destinations) != 1 {
					t.Error("a host without rules")
					return
				}
			}
		})
	}
	for i := range 1000 {
		set(strings.Repeat("r", 1+i%2))
		table.SetRoute(virtualService(fmt.Sprintf("other-%d", i), []string{fmt.Sprintf("o%d", i)}, route(nil, dest("o", 0))))
	}
	close(stop)
	wg.Wait()
}

func TestTable_ADestinationWithoutRevisionGetsNothing(t *testing.T) {
	table := NewTable(nil)
	bad := dest("x", 50)
	bad.Headers = nil
	table.SetRoute(virtualService("hello", []string{"hello"}, route(nil, bad, dest("good", 50))))
	h, next := gateway(t, Config{Table: table})
	for range 20 {
		if _, got, _ := ask(h, next, get("hello", "/")); got != "default/good" {
			t.Errorf("went to %q", got)
		}
	}
	if len(table.Problems()) != 1 {
		t.Errorf("problems: %v", table.Problems())
	}
}

func TestTable_MetricsCountRoutesHostsAndProblems(t *testing.T) {
	table := NewTable(nil)
	table.SetRoute(virtualService("a", []string{"a", "x"}, route(nil, dest("a", 0))))
	table.SetRoute(virtualService("b", []string{"x"}, route(nil, dest("b", 0))))
	var b strings.Builder
	if err := table.WriteMetrics(&b); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"sluice_gateway_routes 2", "sluice_gateway_hosts 2", "sluice_gateway_problems 1"} {
		if !strings.Contains(b.String(), line+"\n") {
			t.Errorf("missing %q in %s", line, b.String())
		}
	}
}

func FuzzBare(f *testing.F) {
	for _, s := range []string{"a:80", "[::1]:80", "[::1]", "A.B.", ":", "", "a:b:c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, host string) {
		if once := bare(host); strings.ToLower(once) != once {
			t.Errorf("%q became %q", host, once)
		}
		NewTable(nil).find(host)
	})
}
