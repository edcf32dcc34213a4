package e2e

import (
	"fmt"
	"net/http"
	"testing"
)

func TestDomain_AHostOfOnesOwnLeadsToAService(t *testing.T) {
	c := newClone(t)
	under.haveApp(t)
	mapping := func(namespace, service, more string) string {
		return fmt.Sprintf(`apiVersion: serving.knative.dev/v1beta1
kind: DomainMapping
metadata: {name: shop.example.org, namespace: %s%s}
spec: {ref: {kind: Service, name: %s, apiVersion: serving.knative.dev/v1}}
`, namespace, more, service)
	}
	c.write("rival.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: a-rival}\n---\n"+
		"apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: other, namespace: a-rival}\n"+
		"spec: {template: {spec: {containers: [{image: local.dev/e2e-app:v1, env: [{name: TARGET, value: other}]}]}}}\n")
	c.write("domain.yaml", mapping("default", "shop", ""))
	c.serve(app{name: "shop", target: "mine"})
	awaitWork(t, "mine")

	c.write("claim.yaml", mapping("a-rival", "other", ""))
	c.push("Somebody else wants it")
	await(t, "Failed: the domain shop.example.org belongs to DomainMapping.serving.knative.dev default/shop.example.org, which had it first: choose another one, or delete that mapping", func() string {
		r, err := currentReport()
		for _, s := range r.Specs {
			if s.Identity.Namespace == "a-rival" && s.Identity.Kind == "DomainMapping" {
				return string(s.State) + ": " + s.Reason
			}
		}
		return fmt.Sprint("no such spec, ", err)
	})
	awaitWork(t, "mine")
	c.git("rm", "-q", "domain.yaml")
	c.push("Give it away")
	awaitWork(t, "other")

	c.write("claim.yaml", mapping("a-rival", "other", ", annotations: {networking.knative.dev/http-protocol: Redirected}"))
	c.push("Over https only")
	await(t, "301 https://shop.example.org/work", func() string {
		once := &http.Client{Transport: client.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		resp, err := once.Get("http://shop.example.org/work")
		if err != nil {
			return err.Error()
		}
		defer resp.Body.Close()
		return fmt.Sprint(resp.StatusCode, " ", resp.Header.Get("Location"))
	})
}

// awaitWork waits until the domain's app answers so.
func awaitWork(t *testing.T, text string) {
	t.Helper()
	await(t, text, func() string {
		a := fetch("shop.example.org/work")
		if a.code != http.StatusOK || a.err != nil {
			return a.String()
		}
		return a.body
	})
}
