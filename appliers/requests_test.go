package appliers

import (
	"errors"
	"net/http"
	"testing"
)

type nowhere struct{}

func (nowhere) RoundTrip(*http.Request) (*http.Response, error) { return nil, errors.New("nowhere") }

func TestRequests_CountsByVerb(t *testing.T) {
	for _, c := range []struct{ method, path, contentType, want string }{
		{"PATCH", "/apis/apps/v1/namespaces/default/deployments/a?fieldManager=sluice", "application/apply-patch+yaml", "apply 1"},
		{"PATCH", "/api/v1/namespaces/default/events/a", "application/merge-patch+json", "patch 1"},
		{"GET", "/api/v1/namespaces/default/pods?labelSelector=a", "", "list 1"},
		{"GET", "/api/v1/namespaces/default", "", "get 1"},
		{"GET", "/api/v1/namespaces", "", "list 1"},
		{"GET", "/apis/apps/v1/deployments?limit=500", "", "list 1"},
		{"GET", "/apis/apps/v1/deployments?watch=true", "", "watch 1"},
		{"GET", "/apis/apps/v1/namespaces/default/deployments/a", "", "get 1"},
		{"GET", "/apis/apps/v1", "", "discover 1"},
		{"GET", "/readyz", "", "discover 1"},
		{"POST", "/api/v1/namespaces/default/events", "", "create 1"},
		{"PUT", "/apis/apps/v1/namespaces/default/deployments/a/scale", "", "update 1"},
		{"DELETE", "/api/v1/namespaces/default/configmaps/a", "", "delete 1"},
	} {
		var r Requests
		req, err := http.NewRequestWithContext(t.Context(), c.method, "http://x"+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", c.contentType)
		if _, err := r.Wrap(nowhere{}).RoundTrip(req); err == nil {
			t.Fatal("no error from nowhere")
		}
		if got := r.String(); got != c.want {
			t.Errorf("%s %s: %s, want %s", c.method, c.path, got, c.want)
		}
	}
}
