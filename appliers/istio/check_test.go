package istio

import (
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/engine/manifest"
)

func TestCheck_NamesWhatIstioDoesNotKnow(t *testing.T) {
	for _, c := range []struct{ name, kind, body, want string }{
		{"a route", "VirtualService", `{"apiVersion":"networking.istio.io/v1","kind":"VirtualService","metadata":{"name":"a"},"spec":{"hosts":["a"],"http":[{"timeout":"5s","route":[{"weight":100,"destination":{"host":"b","port":{"number":80}},"headers":{"request":{"set":{"X":"y"}}}}]}]}}`, ""},
		{"a gateway", "Gateway", `{"spec":{"selector":{"istio":"ingressgateway"},"servers":[{"hosts":["*"],"port":{"number":80,"name":"http","protocol":"HTTP"}}]}}`, ""},
		{"no spec", "VirtualService", `{"metadata":{"name":"a"}}`, ""},
		{"a typing error", "VirtualService", `{"spec":{"hosts":["a"],"htpp":[]}}`, `"htpp"`},
		{"a wrong type", "VirtualService", `{"spec":{"hosts":"a"}}`, "spec is not what Istio knows"},
		{"a field beside spec", "VirtualService", `{"specs":{}}`, "specs: a VirtualService has no such field"},
		{"a kind of another room", "Sidecar", `{}`, "none of the kinds"},
		{"no object", "VirtualService", `[]`, "no JSON object"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := check(manifest.ID{APIVersion: APIVersion, Kind: c.kind, Name: "a"}, []byte(c.body))
			if c.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
		})
	}
}
