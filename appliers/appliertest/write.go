package appliertest

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/client-go/applyconfigurations"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/structured-merge-diff/v6/typed"
)

const (
	maxBody = 3 << 20
	maxData = 1 << 20
)

// patch is a server-side apply or a merge patch.
func (s *Server) patch(r *http.Request, t target) (any, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxBody {
		return nil, refuse(http.StatusRequestEntityTooLarge, metav1.StatusReasonRequestEntityTooLarge, fmt.Sprintf("Request entity too large: limit is %d", maxBody), nil)
	}
	var sent map[string]any
	if err := json.Unmarshal(body, &sent); err != nil {
		return nil, refuse(http.StatusBadRequest, metav1.StatusReasonBadRequest, "error decoding YAML: "+err.Error(), nil)
	}
	live := s.objects[t.key()]
	manager, err := fieldManager(t)
	if err != nil {
		return nil, err
	}
	query := r.URL.Query()
	var merged runtime.Object
	if r.Header.Get("Content-Type") == string(types.ApplyPatchType) {
		merged, err = manager.Apply(base(t, live), &unstructured.Unstructured{Object: integers(sent).(map[string]any)}, query.Get("fieldManager"), query.Get("force") == "true")
	} else if live == nil {
		err = notFound(t)
	} else {
		changed := live.DeepCopy()
		mergePatch(changed.Object, integers(sent).(map[string]any))
		merged, err = manager.Update(live, changed, query.Get("fieldManager"))
	}
	if err != nil {
		return nil, known(err)
	}
	if n := at(sent, "spec", "replicas"); t.subresource == "scale" && n == int64(0) {
		disown(merged.(*unstructured.Unstructured), query.Get("fieldManager"))
	}
	return s.save(t, live, merged.(*unstructured.Unstructured))
}

// disown takes a manager's entry away: a scale to zero by the scale
// subresource leaves replicas with no owner, because there the field is left
// out when it is zero.
func disown(o *unstructured.Unstructured, manager string) {
	o.SetManagedFields(slices.DeleteFunc(o.GetManagedFields(), func(m metav1.ManagedFieldsEntry) bool { return m.Manager == manager }))
}

// post creates an object.
func (s *Server) post(r *http.Request, t target) (any, error) {
	o := &unstructured.Unstructured{}
	if err := json.NewDecoder(r.Body).Decode(&o.Object); err != nil {
		return nil, refuse(http.StatusBadRequest, metav1.StatusReasonBadRequest, err.Error(), nil)
	}
	t.name = o.GetName()
	if s.objects[t.key()] != nil {
		return nil, refuse(http.StatusConflict, metav1.StatusReasonAlreadyExists, fmt.Sprintf("%q already exists", t.name), nil)
	}
	return s.save(t, nil, o)
}

// save checks and stores what a write made.
func (s *Server) save(t target, live, o *unstructured.Unstructured) (any, error) {
	if live == nil {
		if uid := o.GetUID(); uid != "" {
			return nil, conflict(t, fmt.Sprintf("uid mismatch: the provided object specified uid %s, and no existing object was found", uid))
		}
		o.SetUID(uuid.NewUUID())
		o.SetCreationTimestamp(metav1.Now())
	} else if err := sameObject(t, live, o); err != nil {
		return nil, err
	}
	o.SetNamespace(t.namespace)
	o.SetName(t.name)
	if err := fit(t, o); err != nil {
		return nil, err
	}
	if live != nil && same(live, o) {
		return live, nil
	}
	what := "MODIFIED"
	if live == nil {
		what = "ADDED"
	} else if o.GetDeletionTimestamp() != nil && len(o.GetFinalizers()) == 0 {
		what = "DELETED"
	}
	s.store(what, t.path, t.key(), o)
	return o, nil
}

// sameObject refuses a write that was meant for another object or version.
func sameObject(t target, live, o *unstructured.Unstructured) error {
	if v := o.GetResourceVersion(); v != "" && v != live.GetResourceVersion() {
		return conflict(t, "the object has been modified; please apply your changes to the latest version and try again")
	}
	if uid := o.GetUID(); uid != "" && uid != live.GetUID() {
		return invalid(t, "metadata.uid", fmt.Sprintf("Invalid value: %q: field is immutable", uid))
	}
	o.SetUID(live.GetUID())
	o.SetCreationTimestamp(live.GetCreationTimestamp())
	return nil
}

// same reports whether a write changed nothing but times of management.
func same(live, o *unstructured.Unstructured) bool {
	a, b := live.DeepCopy(), o.DeepCopy()
	for _, u := range []*unstructured.Unstructured{a, b} {
		fields := u.GetManagedFields()
		for i := range fields {
			fields[i].Time = nil
		}
		u.SetManagedFields(fields)
		u.SetResourceVersion("")
	}
	x, _ := a.MarshalJSON()
	y, _ := b.MarshalJSON()
	return string(x) == string(y)
}

// fit has the few defaults and rules that the exam asks for.
func fit(t target, o *unstructured.Unstructured) error {
	switch t.path {
	case "apps/v1/deployments":
		if _, found, _ := unstructured.NestedFieldNoCopy(o.Object, "spec", "replicas"); !found {
			if err := unstructured.SetNestedField(o.Object, int64(1), "spec", "replicas"); err != nil {
				return invalid(t, "spec", "Required value")
			}
		}
		want, _, _ := unstructured.NestedStringMap(o.Object, "spec", "selector", "matchLabels")
		got, _, _ := unstructured.NestedStringMap(o.Object, "spec", "template", "metadata", "labels")
		if len(want) == 0 || !maps.Equal(want, got) {
			return invalid(t, "spec.template.metadata.labels", fmt.Sprintf("Invalid value: %v: `selector` does not match template `labels`", got))
		}
	case "v1/configmaps", "v1/secrets":
		size := 0
		data, _, _ := unstructured.NestedStringMap(o.Object, "data")
		for k, v := range data {
			size += len(v)
			if strings.ContainsAny(k, " /") {
				return invalid(t, "data["+k+"]", fmt.Sprintf("Invalid value: %q: a valid config key must consist of alphanumeric characters (value was %q)", k, v))
			}
		}
		if size > maxData {
			return invalid(t, "[]", "Too long: may not be more than 1048576 bytes")
		}
	}
	return nil
}

// remove deletes an object, or marks it if finalizers hold it.
func (s *Server) remove(r *http.Request, t target) (any, error) {
	var options metav1.DeleteOptions
	if err := json.NewDecoder(r.Body).Decode(&options); err != nil && err != io.EOF {
		return nil, refuse(http.StatusBadRequest, metav1.StatusReasonBadRequest, err.Error(), nil)
	}
	live := s.objects[t.key()]
	if live == nil {
		return nil, notFound(t)
	}
	if p := options.Preconditions; p != nil && p.UID != nil && *p.UID != live.GetUID() {
		return nil, conflict(t, fmt.Sprintf("Precondition failed: UID in precondition: %v, UID in object meta: %v", *p.UID, live.GetUID()))
	}
	gone := live.DeepCopy()
	if len(gone.GetFinalizers()) > 0 {
		now := metav1.NewTime(time.Now())
		gone.SetDeletionTimestamp(&now)
		s.store("MODIFIED", t.path, t.key(), gone)
		return gone, nil
	}
	s.store("DELETED", t.path, t.key(), gone)
	return metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusSuccess, Details: &metav1.StatusDetails{Name: t.name, UID: live.GetUID()}}, nil
}

func conflict(t target, message string) error {
	return refuse(http.StatusConflict, metav1.StatusReasonConflict, message, &metav1.StatusDetails{Name: t.name, Kind: resources[t.path].Name})
}

func invalid(t target, field, message string) error {
	return refuse(http.StatusUnprocessableEntity, metav1.StatusReasonInvalid, fmt.Sprintf("%s %q is invalid: %s: %s", resources[t.path].Kind, t.name, field, message),
		&metav1.StatusDetails{Name: t.name, Kind: resources[t.path].Kind, Causes: []metav1.StatusCause{{Type: metav1.CauseTypeFieldValueInvalid, Field: field, Message: message}}})
}

// known makes an answer of the merge's errors.
func known(err error) error {
	if s, ok := err.(interface{ Status() metav1.Status }); ok {
		return &statusError{s.Status()}
	}
	return err
}

// base is what an apply merges into.
func base(t target, live *unstructured.Unstructured) *unstructured.Unstructured {
	if live != nil {
		return live.DeepCopy()
	}
	o := &unstructured.Unstructured{Object: map[string]any{}}
	o.SetGroupVersionKind(kindOf(t))
	return o
}

func kindOf(t target) schema.GroupVersionKind {
	gv, _ := schema.ParseGroupVersion(t.path[:strings.LastIndex(t.path, "/")])
	return gv.WithKind(resources[t.path].Kind)
}

// fieldManager is Kubernetes' own merge for a kind.
func fieldManager(t target) (*managedfields.FieldManager, error) {
	kind := kindOf(t)
	return managedfields.NewDefaultCRDFieldManager(converter{}, asIs{}, asIs{}, asIs{}, kind, kind.GroupVersion(), "", nil)
}

var (
	builtIn = applyconfigurations.NewTypeConverter(scheme.Scheme)
	deduced = managedfields.NewDeducedTypeConverter()
)

// converter knows the types of Kubernetes and takes others as they come.
type converter struct{}

// ObjectToTyped is the object with its type.
func (converter) ObjectToTyped(o runtime.Object, opts ...typed.ValidationOptions) (*typed.TypedValue, error) {
	if scheme.Scheme.Recognizes(o.GetObjectKind().GroupVersionKind()) {
		return builtIn.ObjectToTyped(o, opts...)
	}
	return deduced.ObjectToTyped(o, opts...)
}

// TypedToObject is the object without it.
func (converter) TypedToObject(v *typed.TypedValue) (runtime.Object, error) {
	return deduced.TypedToObject(v)
}

// asIs converts and defaults nothing: every kind has one version here.
type asIs struct{}

// Convert is not needed.
func (asIs) Convert(_, _, _ any) error { return nil }

// ConvertToVersion leaves the object as it is.
func (asIs) ConvertToVersion(in runtime.Object, _ runtime.GroupVersioner) (runtime.Object, error) {
	return in, nil
}

// ConvertFieldLabel leaves the label as it is.
func (asIs) ConvertFieldLabel(_ schema.GroupVersionKind, label, value string) (string, string, error) {
	return label, value, nil
}

// Default does nothing.
func (asIs) Default(runtime.Object) {}

// New is an empty object.
func (asIs) New(kind schema.GroupVersionKind) (runtime.Object, error) {
	o := &unstructured.Unstructured{}
	o.SetGroupVersionKind(kind)
	return o, nil
}

// mergePatch is RFC 7396.
func mergePatch(into, patch map[string]any) {
	for k, v := range patch {
		child, ok := v.(map[string]any)
		old, is := into[k].(map[string]any)
		switch {
		case v == nil:
			delete(into, k)
		case ok && is:
			mergePatch(old, child)
		default:
			into[k] = v
		}
	}
}

// integers makes int64 of whole numbers, as unstructured objects have them.
func integers(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, child := range v {
			v[k] = integers(child)
		}
	case []any:
		for i, child := range v {
			v[i] = integers(child)
		}
	case float64:
		if v == float64(int64(v)) {
			return int64(v)
		}
	}
	return v
}
