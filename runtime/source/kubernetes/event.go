package kubernetes

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	apiwatch "k8s.io/apimachinery/pkg/watch"

	"github.com/sluice-dev/sluice/runtime/cloudevents"
	"github.com/sluice-dev/sluice/schema/contract"
)

// TypeEvents is the type of the mode Events, as in 2018.
const TypeEvents = "dev.knative.k8s.event"

// verbs spell changes as Knative does.
var verbs = map[apiwatch.EventType]string{apiwatch.Added: "add", apiwatch.Modified: "update", apiwatch.Deleted: "delete"}

// event is a change as an event; false where it was not asked for.
func (s *Source) event(what apiwatch.EventType, o *unstructured.Unstructured, m *meta.RESTMapping) (cloudevents.Event, bool, error) {
	verb := verbs[what]
	if verb == "" || !s.owned(o) {
		return cloudevents.Event{}, false, nil
	}
	if s.spec.Mode == contract.ModeEvents {
		if what == apiwatch.Deleted {
			return cloudevents.Event{}, false, nil // Events are deleted for their age
		}
		e, err := s.occurrence(o)
		return e, true, err
	}
	e := cloudevents.Event{ID: idOf(o), Source: s.cfg.Server, Subject: link(m.Resource, o.GetNamespace(), o.GetName())}
	var data any = o.Object
	if s.spec.Mode == contract.ModeResource {
		e.Type = "dev.knative.apiserver.resource." + verb
	} else {
		e.Type = "dev.knative.apiserver.ref." + verb
		data = map[string]string{"apiVersion": o.GetAPIVersion(), "kind": o.GetKind(), "name": o.GetName(), "namespace": o.GetNamespace()}
	}
	for name, value := range map[string]string{
		"apiversion": o.GetAPIVersion(), "kind": o.GetKind(), "name": o.GetName(), "namespace": o.GetNamespace(),
	} {
		if value == "" {
			continue
		}
		if err := e.Set(name, value); err != nil {
			return e, false, err
		}
	}
	return withData(e, data)
}

func withData(e cloudevents.Event, data any) (cloudevents.Event, bool, error) {
	b, err := json.Marshal(data)
	if err != nil {
		return e, false, fmt.Errorf("%s: %w", e.Subject, err)
	}
	e.SetData("application/json", b)
	return e, true, nil
}

// occurrence is a core/v1 Event: its source is what it is about.
func (s *Source) occurrence(o *unstructured.Unstructured) (cloudevents.Event, error) {
	about := func(field string) string {
		v, _, _ := unstructured.NestedString(o.Object, "involvedObject", field)
		return v
	}
	field := func(name string) string {
		v, _, _ := unstructured.NestedString(o.Object, name)
		return v
	}
	e := cloudevents.Event{
		ID: idOf(o), Type: TypeEvents, Source: s.linkTo(about("apiVersion"), about("kind"), about("namespace"), about("name")),
		Subject: field("reason"),
		Time:    cmp.Or(field("lastTimestamp"), field("eventTime"), o.GetCreationTimestamp().UTC().Format("2006-01-02T15:04:05Z")),
	}
	e, _, err := withData(e, o.Object)
	return e, err
}

// linkTo is the path of an object of which only the kind is known.
func (s *Source) linkTo(apiVersion, kind, namespace, name string) string {
	gv, _ := schema.ParseGroupVersion(apiVersion)
	if m, err := s.cfg.Mapper.RESTMapping(gv.WithKind(kind).GroupKind(), gv.Version); err == nil {
		return link(m.Resource, namespace, name)
	}
	return link(gv.WithResource(strings.ToLower(kind)+"s"), namespace, name)
}

// link is an object's path at the API server.
func link(r schema.GroupVersionResource, namespace, name string) string {
	path := "/apis/" + r.Group + "/" + r.Version
	if r.Group == "" {
		path = "/api/" + cmp.Or(r.Version, "v1")
	}
	if namespace != "" {
		path += "/namespaces/" + namespace
	}
	return path + "/" + r.Resource + "/" + name
}

// idOf is of one change of one object, whoever sees it.
func idOf(o *unstructured.Unstructured) string {
	return string(o.GetUID()) + "-" + o.GetResourceVersion()
}

// owned says whether an object has an owner of the kind asked for.
func (s *Source) owned(o *unstructured.Unstructured) bool {
	want := s.spec.Owner
	return want == nil || slices.ContainsFunc(o.GetOwnerReferences(), func(r metav1.OwnerReference) bool {
		return r.APIVersion == want.APIVersion && r.Kind == want.Kind
	})
}
