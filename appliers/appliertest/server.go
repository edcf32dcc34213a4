package appliertest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
)

// resources are the kinds that the server has, by their path.
var resources = map[string]metav1.APIResource{
	"v1/namespaces":                          {Name: "namespaces", Kind: "Namespace"},
	"v1/configmaps":                          {Name: "configmaps", Kind: "ConfigMap", Namespaced: true},
	"v1/secrets":                             {Name: "secrets", Kind: "Secret", Namespaced: true},
	"v1/services":                            {Name: "services", Kind: "Service", Namespaced: true},
	"v1/pods":                                {Name: "pods", Kind: "Pod", Namespaced: true},
	"v1/events":                              {Name: "events", Kind: "Event", Namespaced: true},
	"apps/v1/deployments":                    {Name: "deployments", Kind: "Deployment", Namespaced: true},
	"networking.istio.io/v1/virtualservices": {Name: "virtualservices", Kind: "VirtualService", Namespaced: true},
	"example.com/v1/widgets":                 {Name: "widgets", Kind: "Widget", Namespaced: true},
}

// Server is a small API server in memory. It is for tests: it has the
// requests that appliers and observers send, and handles to break things.
type Server struct {
	http *httptest.Server

	mu       sync.Mutex
	version  uint64
	objects  map[string]*unstructured.Unstructured // by path
	log      []change
	oldest   uint64 // versions before this one cannot be watched from
	grown    chan struct{}
	watches  map[chan struct{}]bool // closing one ends that watch
	fault    func(*http.Request) *metav1.Status
	refusing bool
}

// change is one entry of the log that watches read.
type change struct {
	version uint64
	what    string
	path    string // of the collection: apps/v1/deployments
	object  *unstructured.Unstructured
	before  *unstructured.Unstructured
}

// NewServer starts a server with a namespace called default. It ends with the test.
func NewServer(t testing.TB) *Server {
	t.Helper()
	s := &Server{version: 100, objects: map[string]*unstructured.Unstructured{}, grown: make(chan struct{}), watches: map[chan struct{}]bool{}}
	s.http = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(func() { s.DropWatches(); s.http.Close() })
	s.AddNamespace("default")
	return s
}

// REST is how to reach the server.
func (s *Server) REST() *rest.Config { return &rest.Config{Host: s.http.URL} }

// AddNamespace makes a namespace.
func (s *Server) AddNamespace(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.store("ADDED", "v1/namespaces", target{path: "v1/namespaces", name: name}.key(), &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": name, "uid": "uid-ns-" + name},
	}})
}

// Fault makes every request for which f gives a status fail with it; nil ends that.
func (s *Server) Fault(f func(*http.Request) *metav1.Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// NoWatchList makes the server refuse a watch that begins with a list, as old ones do.
func (s *Server) NoWatchList() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusing = true
}

// DropWatches breaks every watch off.
func (s *Server) DropWatches() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for end := range s.watches {
		close(end)
		delete(s.watches, end)
	}
}

// Compact forgets the past: a watch from an earlier version gets 410 Gone.
func (s *Server) Compact() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version++
	s.oldest, s.log = s.version, nil
}

// Watches is how many watches are open.
func (s *Server) Watches() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.watches)
}

// target is what a request's path names.
type target struct{ path, namespace, name, subresource string }

func (t target) key() string { return t.path + "|" + t.namespace + "|" + t.name }

// parseTarget reads /api/v1/namespaces/NS/RESOURCE/NAME and its like.
func parseTarget(path string) (target, bool) {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	switch {
	case len(parts) >= 2 && parts[0] == "api":
		parts = parts[1:]
	case len(parts) >= 3 && parts[0] == "apis":
		parts = append([]string{parts[1] + "/" + parts[2]}, parts[3:]...)
	default:
		return target{}, false
	}
	t := target{path: parts[0]}
	parts = parts[1:]
	if len(parts) >= 3 && parts[0] == "namespaces" {
		t.namespace, parts = parts[1], parts[2:]
	}
	if len(parts) > 0 {
		t.path += "/" + parts[0]
	}
	if len(parts) > 1 {
		t.name = parts[1]
	}
	if len(parts) > 2 {
		t.subresource = parts[2]
	}
	return t, true
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	fault := s.fault
	s.mu.Unlock()
	if fault != nil {
		if status := fault(r); status != nil {
			answer(w, nil, &statusError{*status})
			return
		}
	}
	t, ok := parseTarget(r.URL.Path)
	if !ok {
		http.Error(w, "404 page not found", http.StatusNotFound)
		return
	}
	if _, ok := resources[t.path]; !ok {
		s.discover(w, t.path)
		return
	}
	switch {
	case t.name == "" && r.URL.Query().Get("watch") == "true":
		s.watch(w, r, t)
	case t.name == "" && r.Method == http.MethodGet:
		s.list(w, r, t)
	default:
		object, err := s.one(r, t)
		answer(w, object, err)
	}
}

// discover lists the resources of a group and version.
func (s *Server) discover(w http.ResponseWriter, version string) {
	list := metav1.APIResourceList{TypeMeta: metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"}, GroupVersion: version}
	for path, r := range resources {
		if path == version+"/"+r.Name {
			list.APIResources = append(list.APIResources, r)
		}
	}
	if len(list.APIResources) == 0 {
		http.Error(w, "404 page not found", http.StatusNotFound)
		return
	}
	answer(w, list, nil)
}

// one does a request for one object.
func (s *Server) one(r *http.Request, t target) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.namespace != "" && s.objects[target{path: "v1/namespaces", name: t.namespace}.key()] == nil && r.Method != http.MethodGet {
		return nil, refuse(http.StatusNotFound, metav1.StatusReasonNotFound, fmt.Sprintf("namespaces %q not found", t.namespace), &metav1.StatusDetails{Name: t.namespace, Kind: "namespaces"})
	}
	switch r.Method {
	case http.MethodGet:
		if o := s.objects[t.key()]; o != nil {
			return o, nil
		}
		return nil, notFound(t)
	case http.MethodPatch:
		return s.patch(r, t)
	case http.MethodPost:
		return s.post(r, t)
	case http.MethodDelete:
		return s.remove(r, t)
	}
	return nil, refuse(http.StatusMethodNotAllowed, metav1.StatusReasonMethodNotAllowed, r.Method, nil)
}

// store puts an object and tells the watches; s.mu is held.
func (s *Server) store(what, path, key string, o *unstructured.Unstructured) {
	s.version++
	before := s.objects[key]
	o.SetResourceVersion(strconv.FormatUint(s.version, 10))
	if what == "DELETED" {
		delete(s.objects, key)
	} else {
		s.objects[key] = o
	}
	s.log = append(s.log, change{s.version, what, path, o, before})
	close(s.grown)
	s.grown = make(chan struct{})
}

// statusError is an answer that is no object.
type statusError struct{ status metav1.Status }

// Error is the status' message.
func (e *statusError) Error() string { return e.status.Message }

func refuse(code int32, reason metav1.StatusReason, message string, details *metav1.StatusDetails) error {
	return &statusError{metav1.Status{Status: metav1.StatusFailure, Code: code, Reason: reason, Message: message, Details: details}}
}

func notFound(t target) error {
	return refuse(http.StatusNotFound, metav1.StatusReasonNotFound, fmt.Sprintf("%s %q not found", resources[t.path].Name, t.name), &metav1.StatusDetails{Name: t.name, Kind: resources[t.path].Name})
}

func answer(w http.ResponseWriter, object any, err error) {
	code := http.StatusOK
	if err != nil {
		var s *statusError
		if !errors.As(err, &s) {
			s = &statusError{metav1.Status{Status: metav1.StatusFailure, Code: http.StatusInternalServerError, Message: err.Error()}}
		}
		s.status.Kind, s.status.APIVersion = "Status", "v1"
		if s.status.Details != nil && s.status.Details.RetryAfterSeconds > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(s.status.Details.RetryAfterSeconds)))
		}
		object, code = s.status, int(s.status.Code)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(object) // the client has gone
}
