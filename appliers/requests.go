package appliers

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// Requests counts what goes to an API server, by verb. It counts at the
// transport, so that nothing a client does on its own escapes. The zero value
// is ready.
type Requests struct {
	mu     sync.Mutex
	counts map[string]int64
}

// Wrap is the transport that counts; hand it to kubernetes.APIConfig.Wrap.
func (r *Requests) Wrap(next http.RoundTripper) http.RoundTripper { return counted{r, next} }

// Counts is how many requests of each verb were sent: get, list, watch,
// apply, patch, create, update, delete, discover.
func (r *Requests) Counts() map[string]int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.counts)
}

// String reads `apply 1000, watch 6`.
func (r *Requests) String() string {
	counts := r.Counts()
	var parts []string
	for _, verb := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%s %d", verb, counts[verb]))
	}
	return strings.Join(parts, ", ")
}

func (r *Requests) count(verb string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.counts == nil {
		r.counts = map[string]int64{}
	}
	r.counts[verb]++
}

type counted struct {
	requests *Requests
	next     http.RoundTripper
}

// RoundTrip counts and sends.
func (c counted) RoundTrip(req *http.Request) (*http.Response, error) {
	c.requests.count(verb(req))
	return c.next.RoundTrip(req)
}

// WrappedRoundTripper is the transport underneath, for those who look for it.
func (c counted) WrappedRoundTripper() http.RoundTripper { return c.next }

// verb is what Kubernetes calls the request.
func verb(req *http.Request) string {
	switch req.Method {
	case http.MethodPatch:
		if strings.HasPrefix(req.Header.Get("Content-Type"), "application/apply-patch") {
			return "apply"
		}
		return "patch"
	case http.MethodPost:
		return "create"
	case http.MethodPut:
		return "update"
	case http.MethodDelete:
		return "delete"
	}
	if w := req.URL.Query().Get("watch"); w == "true" || w == "1" {
		return "watch"
	}
	return reading(strings.Split(strings.Trim(req.URL.Path, "/"), "/"))
}

// reading tells what a GET of a path reads: /apis/GROUP/VERSION or /api/VERSION,
// then namespaces/NAMESPACE perhaps, then RESOURCE and NAME perhaps.
func reading(path []string) string {
	skip := 2
	if path[0] == "apis" {
		skip = 3
	}
	if len(path) <= skip {
		return "discover"
	}
	path = path[skip:]
	if path[0] == "namespaces" && len(path) > 2 {
		path = path[2:]
	}
	if len(path) == 1 {
		return "list"
	}
	return "get"
}
