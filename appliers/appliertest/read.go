package appliertest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
)

// selector is the request's label selector.
func selector(r *http.Request) labels.Selector {
	s, err := labels.Parse(r.URL.Query().Get("labelSelector"))
	if err != nil {
		return labels.Nothing()
	}
	return s
}

func (t target) has(key string) bool {
	return strings.HasPrefix(key, t.path+"|"+t.namespace) && (t.namespace == "" || strings.HasPrefix(key, t.path+"|"+t.namespace+"|"))
}

// matching are the collection's objects, in order of their keys; s.mu is held.
func (s *Server) matching(r *http.Request, t target) []*unstructured.Unstructured {
	var out []*unstructured.Unstructured
	chosen := selector(r)
	for _, key := range slices.Sorted(maps.Keys(s.objects)) {
		if o := s.objects[key]; t.has(key) && chosen.Matches(labels.Set(o.GetLabels())) {
			out = append(out, o)
		}
	}
	return out
}

// list answers with a page; the token to go on is an index.
func (s *Server) list(w http.ResponseWriter, r *http.Request, t target) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.matching(r, t)
	from, _ := strconv.Atoi(r.URL.Query().Get("continue"))
	limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
	to, next := len(all), ""
	if limit > 0 && from+limit < len(all) {
		to = from + limit
		next = strconv.Itoa(to)
	}
	items := []map[string]any{}
	for _, o := range all[min(from, len(all)):to] {
		bare := maps.Clone(o.Object) // items of a list of built-in kinds have no kind
		delete(bare, "kind")
		delete(bare, "apiVersion")
		items = append(items, bare)
	}
	answer(w, map[string]any{
		"kind": resources[t.path].Kind + "List", "apiVersion": "v1", "items": items,
		"metadata": map[string]any{"resourceVersion": strconv.FormatUint(s.version, 10), "continue": next},
	}, nil)
}

// watch streams the log from a version on, after the list if that is asked for.
func (s *Server) watch(w http.ResponseWriter, r *http.Request, t target) {
	end := make(chan struct{})
	s.mu.Lock()
	initial := r.URL.Query().Get("sendInitialEvents") == "true"
	from, _ := strconv.ParseUint(r.URL.Query().Get("resourceVersion"), 10, 64)
	if initial && s.refusing {
		s.mu.Unlock()
		answer(w, nil, refuse(http.StatusUnprocessableEntity, metav1.StatusReasonInvalid, "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled", nil))
		return
	}
	s.watches[end] = true
	out := stream{w: w}
	if initial {
		for _, o := range s.matching(r, t) {
			out.send("ADDED", o)
		}
		from = s.version
		out.send("BOOKMARK", bookmark(from, true))
	} else if from < s.oldest {
		out.send("ERROR", metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status"}, Status: metav1.StatusFailure, Code: http.StatusGone, Reason: metav1.StatusReasonExpired, Message: "too old resource version"})
		delete(s.watches, end)
		s.mu.Unlock()
		return
	}
	s.mu.Unlock()
	out.flush()
	s.follow(out, r, t, from, end)
}

// follow sends what is new until the watch ends.
func (s *Server) follow(out stream, r *http.Request, t target, from uint64, end chan struct{}) {
	chosen := selector(r)
	for {
		s.mu.Lock()
		for _, c := range s.log {
			if c.version > from && c.path == t.path && (t.namespace == "" || c.object.GetNamespace() == t.namespace) {
				out.change(c, chosen)
			}
		}
		from = s.version
		grown := s.grown
		s.mu.Unlock()
		out.flush()
		select {
		case <-grown:
		case <-end:
			return
		case <-r.Context().Done():
			s.mu.Lock()
			delete(s.watches, end)
			s.mu.Unlock()
			return
		}
	}
}

// stream writes events.
type stream struct{ w http.ResponseWriter }

func (s stream) flush() { s.w.(http.Flusher).Flush() }

func (s stream) send(what string, object any) {
	line, err := json.Marshal(map[string]any{"type": what, "object": object})
	if err == nil {
		fmt.Fprintf(s.w, "%s\n", line)
	}
}

// change sends what a change is for those who see only the chosen objects.
func (s stream) change(c change, chosen labels.Selector) {
	now := c.what != "DELETED" && chosen.Matches(labels.Set(c.object.GetLabels()))
	before := c.before != nil && chosen.Matches(labels.Set(c.before.GetLabels()))
	switch {
	case now && before:
		s.send("MODIFIED", c.object)
	case now:
		s.send("ADDED", c.object)
	case before:
		s.send("DELETED", c.object)
	}
}

func bookmark(version uint64, complete bool) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{"kind": "Bookmark"}}
	o.SetResourceVersion(strconv.FormatUint(version, 10))
	if complete {
		o.SetAnnotations(map[string]string{metav1.InitialEventsAnnotationKey: "true"})
	}
	return o
}
