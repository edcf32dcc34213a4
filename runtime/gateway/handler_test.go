package gateway

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	networking "istio.io/api/networking/v1"
	istio "istio.io/client-go/pkg/apis/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/schema/contract"
)

// seen is what Next got.
type seen struct {
	mu   sync.Mutex
	reqs []http.Header
}

func (s *seen) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reqs = append(s.reqs, r.Header.Clone())
}

func dest(revision string, weight int32) *networking.HTTPRouteDestination {
	return &networking.HTTPRouteDestination{
		Destination: &networking.Destination{Host: contract.ActivatorHost, Port: &networking.PortSelector{Number: contract.ActivatorPort}},
		Weight:      weight,
		Headers: &networking.Headers{Request: &networking.Headers_HeaderOperations{
			Set: map[string]string{contract.HeaderNamespace: "default", contract.HeaderRevision: revision},
		}},
	}
}

func exact(s string) *networking.StringMatch {
	return &networking.StringMatch{MatchType: &networking.StringMatch_Exact{Exact: s}}
}

func prefix(s string) *networking.StringMatch {
	return &networking.StringMatch{MatchType: &networking.StringMatch_Prefix{Prefix: s}}
}

func regex(s string) *networking.StringMatch {
	return &networking.StringMatch{MatchType: &networking.StringMatch_Regex{Regex: s}}
}

func route(match []*networking.HTTPMatchRequest, dests ...*networking.HTTPRouteDestination) *networking.HTTPRoute {
	return &networking.HTTPRoute{Match: match, Route: dests}
}

// service is a VirtualService as the engine writes it.
func virtualService(name string, hosts []string, routes ...*networking.HTTPRoute) *istio.VirtualService {
	return &istio.VirtualService{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, Labels: map[string]string{contract.LabelRoute: name}},
		Spec:       networking.VirtualService{Hosts: hosts, Gateways: []string{contract.Gateway, mesh}, Http: routes},
	}
}

func gateway(t *testing.T, cfg Config) (*Handler, *seen) {
	t.Helper()
	next := &seen{}
	cfg.Next = next
	h, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return h, next
}

// ask sends a request and returns the status and the revision it went to.
func ask(h *Handler, next *seen, r *http.Request) (int, string, string) {
	w := httptest.NewRecorder()
	before := len(next.reqs)
	h.ServeHTTP(w, r)
	if len(next.reqs) == before {
		return w.Code, "", w.Body.String()
	}
	got := next.reqs[before]
	return w.Code, strings.Join(got[contract.HeaderNamespace], ",") + "/" + strings.Join(got[contract.HeaderRevision], ","), ""
}

func get(host, target string) *http.Request {
	r := httptest.NewRequest("GET", target, nil)
	r.Host = host
	return r
}

func TestHandler_FindsTheRevisionByHost(t *testing.T) {
	table := NewTable(nil)
	tag := []*networking.HTTPMatchRequest{{Authority: exact("v1-hello.default.localhost")}}
	table.SetRoute(virtualService("hello",
		[]string{"hello.default.localhost", "v1-hello.default.localhost", "hello.default.svc.cluster.local", "hello.default.svc", "hello.default"},
		route(tag, dest("hello-old", 0)), route(nil, dest("hello-new", 0))))
	table.SetRoute(virtualService("ported", []string{"hello.default.localhost:9999"}, route(nil, dest("ported", 0))))
	h, next := gateway(t, Config{Table: table})
	for _, c := range []struct{ name, host, want string }{
		{"plain", "hello.default.localhost", "default/hello-new"},
		{"with a port", "hello.default.localhost:8080", "default/hello-new"},
		{"a host claimed with its port comes first", "hello.default.localhost:9999", "default/ported"},
		{"in capitals", "HELLO.Default.localhost", "default/hello-new"},
		{"with the final dot", "hello.default.svc.cluster.local.", "default/hello-new"},
		{"with final dot and port", "hello.default.svc.cluster.local.:80", "default/hello-new"},
		{"short", "hello.default", "default/hello-new"},
		{"tag", "v1-hello.default.localhost", "default/hello-old"},
		{"tag with a port", "v1-hello.default.localhost:8080", "default/hello-old"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if code, got, body := ask(h, next, get(c.host, "/")); got != c.want {
				t.Errorf("got %d %q %q, want %q", code, got, body, c.want)
			}
		})
	}
}

func TestHandler_AnUnknownHostIsNamed(t *testing.T) {
	synced := false
	h, next := gateway(t, Config{Table: NewTable(nil), Synced: func() bool { return synced }})
	if code, _, _ := ask(h, next, get("nobody.default.localhost", "/")); code != http.StatusServiceUnavailable {
		t.Errorf("before the table is complete: %d, want 503", code)
	}
	synced = true
	code, _, body := ask(h, next, get("nobody.default.localhost", "/"))
	if code != http.StatusNotFound || !strings.Contains(body, "nobody.default.localhost") || !strings.Contains(body, "sluice status") {
		t.Errorf("%d %q", code, body)
	}
}

func TestHandler_ClientsCannotNameTheRevisionThemselves(t *testing.T) {
	table := NewTable(nil)
	table.SetRoute(virtualService("hello", []string{"hello"}, route(nil, dest("hello-1", 0))))
	smuggle := func() *http.Request {
		r := get("hello", "/")
		r.Header = http.Header{contract.HeaderNamespace: {"kube-system", "x"}, contract.HeaderRevision: {"secret"}, "Connection": {contract.HeaderRevision}}
		return r
	}
	h, next := gateway(t, Config{Table: table})
	if _, got, _ := ask(h, next, smuggle()); got != "default/hello-1" {
		t.Errorf("went to %s", got)
	}
	h, next = gateway(t, Config{Table: table, TrustHeaders: true})
	if _, got, _ := ask(h, next, smuggle()); got != "default/hello-1" {
		t.Errorf("doubled headers are no word of an ingress that sets them; went to %s", got)
	}
	r := get("whatever", "/")
	r.Header = http.Header{contract.HeaderNamespace: {"a"}, contract.HeaderRevision: {"b"}}
	if _, got, _ := ask(h, next, r); got != "a/b" {
		t.Errorf("went to %s", got)
	}
}

func TestHandler_ClientsCannotHaveRemovedWhatARouteSets(t *testing.T) {
	d := dest("hello-1", 0)
	d.Headers.Request.Set["X-Tenant"] = "acme"
	table := NewTable(nil)
	table.SetRoute(virtualService("hello", []string{"hello"}, route(nil, d)))
	h, next := gateway(t, Config{Table: table})
	for _, c := range []struct{ connection, upgrade, want string }{
		{"X-Tenant, X-Mine, close", "", ""},
		{"keep-alive, x-tenant, x-mine, Upgrade", "websocket", "Upgrade"},
		{"TE, X-Tenant, X-Mine", "", ""},
	} {
		r := get("hello", "/")
		r.Header = http.Header{"Connection": {c.connection}, "X-Mine": {"1"}, "Te": {"trailers"}}
		if c.upgrade != "" {
			r.Header.Set("Upgrade", c.upgrade)
		}
		h.ServeHTTP(httptest.NewRecorder(), r)
		got := next.reqs[len(next.reqs)-1]
		if got.Get("Connection") != c.want || got.Get("X-Mine") != "" || got.Get("X-Tenant") != "acme" || got.Get("Te") != "trailers" {
			t.Errorf("Connection: %s became %v", c.connection, got)
		}
	}
}

func TestHandler_RequestsDoNotShareHeaderValues(t *testing.T) {
	table := NewTable(nil)
	table.SetRoute(virtualService("hello", []string{"hello"}, route(nil, dest("hello-1", 0))))
	next := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { r.Header.Add(contract.HeaderRevision, "appended") })
	h, err := New(Config{Table: table, Next: next})
	if err != nil {
		t.Fatal(err)
	}
	h.ServeHTTP(httptest.NewRecorder(), get("hello", "/"))
	r := get("hello", "/")
	h.ServeHTTP(httptest.NewRecorder(), r)
	if got := r.Header[contract.HeaderRevision]; len(got) != 2 || got[0] != "hello-1" {
		t.Errorf("got %q", got)
	}
}

func TestHandler_MatchesAreTriedInOrder(t *testing.T) {
	table := NewTable(nil)
	m := func(ms ...*networking.HTTPMatchRequest) []*networking.HTTPMatchRequest { return ms }
	table.SetRoute(virtualService("hello", []string{"hello"},
		route(m(&networking.HTTPMatchRequest{Headers: map[string]*networking.StringMatch{"x-tag": exact("v2")}}), dest("by-header", 0)),
		route(m(&networking.HTTPMatchRequest{Headers: map[string]*networking.StringMatch{"x-any": {}}}), dest("by-presence", 0)),
		route(m(&networking.HTTPMatchRequest{Uri: exact("/exact")}, &networking.HTTPMatchRequest{Uri: prefix("/pre/")}), dest("by-uri", 0)),
		route(m(&networking.HTTPMatchRequest{Uri: prefix("/Fold"), IgnoreUriCase: true}), dest("by-folded-uri", 0)),
		route(m(&networking.HTTPMatchRequest{Uri: regex("/r[0-9]+")}), dest("by-regex", 0)),
		route(m(&networking.HTTPMatchRequest{Uri: regex("/r(")}), dest("never", 0)),
		route(m(&networking.HTTPMatchRequest{Port: 80}), dest("never", 0)),
		route(m(&networking.HTTPMatchRequest{Method: exact("POST"), Uri: prefix("/m")}), dest("by-method", 0)),
		route(m(&networking.HTTPMatchRequest{QueryParams: map[string]*networking.StringMatch{"q": exact("1")}}), dest("by-query", 0)),
		route(m(&networking.HTTPMatchRequest{Uri: exact("/without"), WithoutHeaders: map[string]*networking.StringMatch{"x-no": {}}}), dest("by-absence", 0)),
		route(m(&networking.HTTPMatchRequest{Uri: exact("/empty")})),
		&networking.HTTPRoute{Match: m(&networking.HTTPMatchRequest{Uri: exact("/redirect")}), Redirect: &networking.HTTPRedirect{Scheme: "gopher"}},
		route(m(&networking.HTTPMatchRequest{Uri: prefix("/"), Scheme: exact("http"), Method: exact("GET")}), dest("rest", 0)),
	))
	h, next := gateway(t, Config{Table: table})
	with := func(r *http.Request, key, value string) *http.Request {
		r.Header.Set(key, value)
		return r
	}
	post := get("hello", "/m")
	post.Method = "POST"
	for _, c := range []struct {
		name string
		r    *http.Request
		want string
	}{
		{"header", with(get("hello", "/exact"), "X-Tag", "v2"), "default/by-header"},
		{"header with another value", with(get("hello", "/exact"), "X-Tag", "v3"), "default/by-uri"},
		{"header present", with(get("hello", "/"), "X-Any", "x"), "default/by-presence"},
		{"exact path", get("hello", "/exact"), "default/by-uri"},
		{"prefix", get("hello", "/pre/x"), "default/by-uri"},
		{"not the prefix", get("hello", "/pre"), "default/rest"},
		{"case is ignored", get("hello", "/fOLDed"), "default/by-folded-uri"},
		{"regex, whole", get("hello", "/r12"), "default/by-regex"},
		{"regex, in part", get("hello", "/r12x"), "default/rest"},
		{"method", post, "default/by-method"},
		{"query", get("hello", "/?q=1"), "default/by-query"},
		{"without header", get("hello", "/without"), "default/by-absence"},
		{"with that header", with(get("hello", "/without"), "X-No", "1"), "default/rest"},
		{"the rest", get("hello", "/"), "default/rest"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if code, got, body := ask(h, next, c.r); got != c.want {
				t.Errorf("got %d %q %q, want %q", code, got, body, c.want)
			}
		})
	}
	for path, want := range map[string]int{"/empty": 503, "/redirect": 501} {
		if code, got, _ := ask(h, next, get("hello", path)); code != want || got != "" {
			t.Errorf("%s: %d %q, want %d", path, code, got, want)
		}
	}
	head := get("hello", "/")
	head.Method = "HEAD"
	if code, _, _ := ask(h, next, head); code != 404 {
		t.Errorf("no rule applies: %d, want 404", code)
	}
	if n := len(table.Problems()); n != 3 {
		t.Errorf("%d problems, want 3 (regex, port, redirect): %v", n, table.Problems())
	}
}

func TestHandler_ClusterLocalRoutesAreInvisibleFromOutside(t *testing.T) {
	table := NewTable(nil)
	vs := virtualService("inner", []string{"inner.default.svc.cluster.local"}, route(nil, dest("inner-1", 0)))
	vs.Spec.Gateways = []string{mesh}
	table.SetRoute(vs)
	h, next := gateway(t, Config{Table: table})
	if code, _, _ := ask(h, next, get("inner.default.svc.cluster.local", "/")); code != 404 {
		t.Errorf("outside: %d", code)
	}
	h, next = gateway(t, Config{Table: table, Mesh: true})
	if _, got, _ := ask(h, next, get("inner.default.svc.cluster.local", "/")); got != "default/inner-1" {
		t.Errorf("inside: %q", got)
	}
}

func TestHandler_WeightsAreKeptByConcurrentRequests(t *testing.T) {
	table := NewTable(nil)
	table.SetRoute(virtualService("even", []string{"even"}, route(nil, dest("a", 50), dest("b", 50))))
	table.SetRoute(virtualService("odd", []string{"odd"}, route(nil, dest("a", 90), dest("never", 0), dest("b", 10))))
	h, next := gateway(t, Config{Table: table})
	count := func(host string, n int) map[string]int {
		next.reqs = nil
		var wg sync.WaitGroup
		for range n {
			wg.Go(func() { h.ServeHTTP(httptest.NewRecorder(), get(host, "/")) })
		}
		wg.Wait()
		got := map[string]int{}
		for _, r := range next.reqs {
			got[r.Get(contract.HeaderRevision)]++
		}
		return got
	}
	// The bound of Knative's conformance test: each side gets a quarter of 200.
	if got := count("even", 200); got["a"] < 50 || got["b"] < 50 {
		t.Errorf("50/50 of 200: %v", got)
	}
	// Six standard deviations around 1,000 of 10,000 at 10 %.
	if got := count("odd", 10000); got["b"] < 820 || got["b"] > 1180 || got["never"] != 0 || got["a"]+got["b"] != 10000 {
		t.Errorf("90/10 of 10000: %v", got)
	}
}

// thousand is a table of 1,000 services as the engine writes them.

func TestHandler_SendsHTTPToHTTPSWhereARouteAsksForIt(t *testing.T) {
	table := NewTable(nil)
	exact := func(s string) *networking.StringMatch {
		return &networking.StringMatch{MatchType: &networking.StringMatch_Exact{Exact: s}}
	}
	vs := virtualService("hello", []string{"hello", "plain"},
		&networking.HTTPRoute{
			Match:    []*networking.HTTPMatchRequest{{Authority: exact("hello"), Scheme: exact("http"), Gateways: []string{contract.Gateway}}},
			Redirect: &networking.HTTPRedirect{Scheme: "https", RedirectCode: 301},
		},
		route(nil, dest("hello-1", 0)))
	table.SetRoute(vs)
	h, next := gateway(t, Config{Table: table})
	sent := httptest.NewRecorder()
	r := get("hello:8080", "/a%2Fb?q=1&r=x")
	h.ServeHTTP(sent, r)
	if got := sent.Header().Get("Location"); sent.Code != 301 || got != "https://hello/a%2Fb?q=1&r=x" {
		t.Errorf("%d %q", sent.Code, got)
	}
	secure := get("hello", "/")
	secure.Header.Set("X-Forwarded-Proto", "https, http")
	for name, r := range map[string]*http.Request{"over https": secure, "another host": get("plain", "/")} {
		if _, got, body := ask(h, next, r); got != "default/hello-1" {
			t.Errorf("%s: got %q %q", name, got, body)
		}
	}
	if p := table.Problems(); len(p) != 0 {
		t.Error(p)
	}
}
