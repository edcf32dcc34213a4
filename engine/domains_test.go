package engine

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/engine/status"
	"github.com/sluice-dev/sluice/schema/desired"
)

func mapped(namespace, service string) string {
	return fmt.Sprintf("apiVersion: serving.knative.dev/v1beta1\nkind: DomainMapping\nmetadata: {name: shop.example.org, namespace: %s}\nspec: {ref: {kind: Service, name: %s, apiVersion: serving.knative.dev/v1}}\n", namespace, service)
}

func servedIn(namespace, name string) string {
	return strings.Replace(hello(name, "x"), "metadata:\n", "metadata:\n  namespace: "+namespace+"\n", 1)
}

// has reports whether a service's route answers at the domain.
func (w *world) has(namespace, service string) bool {
	w.t.Helper()
	var vs struct{ Spec struct{ Hosts []string } }
	if err := json.Unmarshal(w.live.Of(virtualService(desired.Route{Namespace: namespace, Name: service})).JSON, &vs); err != nil {
		w.t.Fatal(err)
	}
	return slices.Contains(vs.Spec.Hosts, "shop.example.org")
}

// spelled is the whole of a service's route.
func (w *world) spelled(namespace, service string) string {
	w.t.Helper()
	var vs struct{ Spec map[string]any }
	if err := json.Unmarshal(w.live.Of(virtualService(desired.Route{Namespace: namespace, Name: service})).JSON, &vs); err != nil {
		w.t.Fatal(err)
	}
	return fmt.Sprint(vs.Spec)
}

// domain is what is said of the mapping in a namespace.
func (w *world) domain(namespace string) status.Spec {
	for _, s := range w.report().Specs {
		if s.Identity.Kind == "DomainMapping" && s.Identity.Namespace == namespace {
			return s
		}
	}
	return status.Spec{}
}

// readyAll says that all revisions run.
func (w *world) readyAll() {
	for id := range w.live {
		if id.Kind == "Deployment" {
			w.edit(id, func(o map[string]any) {
				o["status"] = map[string]any{"availableReplicas": 1, "conditions": []any{map[string]any{"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}}}
			})
		}
	}
}

func twoShops(t *testing.T) *world {
	w := newWorld(t)
	w.push("two shops, one domain", map[string]string{
		"b.yaml": servedIn("bravo", "shop"), "a.yaml": servedIn("alpha", "other"), "b-domain.yaml": mapped("bravo", "shop"),
	})
	w.pass()
	w.readyAll()
	w.pass()
	if !w.has("bravo", "shop") {
		t.Fatal("the one mapping does not have its domain")
	}
	w.push("a rival whose namespace comes first", map[string]string{"a-domain.yaml": mapped("alpha", "other")})
	w.pass()
	return w
}

func TestDomain_WhoHadItFirstKeepsIt(t *testing.T) {
	w := twoShops(t)
	want := func(alpha, bravo bool) {
		t.Helper()
		if a, b := w.has("alpha", "other"), w.has("bravo", "shop"); a != alpha || b != bravo {
			t.Errorf("alpha has it: %v, bravo: %v", a, b)
		}
	}
	want(false, true)
	if s := w.domain("alpha"); s.State != status.Failed || !strings.Contains(s.Reason, "belongs to DomainMapping.serving.knative.dev bravo/shop.example.org, which had it first") {
		t.Errorf("alpha: %+v", s)
	}
	if s := w.domain("bravo"); s.State != status.Ready {
		t.Errorf("bravo: %+v", s)
	}

	w.start() // the cluster remembers
	w.pass()
	want(false, true)
	delete(w.live, virtualService(desired.Route{Namespace: "bravo", Name: "shop"})) // the engine does
	w.pass()
	want(false, true)

	w.push("bravo gives it away", map[string]string{"b-domain.yaml": ""})
	w.pass()
	want(true, false)
	w.push("and wants it back", map[string]string{"b-domain.yaml": mapped("bravo", "shop")})
	w.pass()
	want(true, false)
}

func TestDomain_AMistakeInItsMappingGivesItToNobody(t *testing.T) {
	for _, restart := range []bool{false, true} {
		t.Run(fmt.Sprint("restart ", restart), func(t *testing.T) {
			w := twoShops(t)
			secure := strings.NewReplacer("bravo}\n", "bravo, annotations: {networking.knative.dev/http-protocol: Redirected}}\n", "spec: {", "spec: {tls: {secretName: cert}, ").Replace(mapped("bravo", "shop"))
			w.push("with a certificate", map[string]string{"b-domain.yaml": secure})
			w.pass()
			before := w.spelled("bravo", "shop")
			w.push("a slip of the pen", map[string]string{"b-domain.yaml": strings.Replace(secure, "ref:", "reff:", 1)})
			if restart {
				w.start()
			}
			w.pass()
			if w.has("alpha", "other") || w.spelled("bravo", "shop") != before {
				t.Errorf("alpha has it: %v, bravo's route: %s\nwant %s", w.has("alpha", "other"), w.spelled("bravo", "shop"), before)
			}
			if s := w.domain("bravo"); s.State != status.Invalid {
				t.Errorf("bravo: %+v", s)
			}
		})
	}
}
