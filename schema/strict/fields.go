package strict

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/sluice-dev/sluice/schema"
)

// fields lists what a struct may hold, by the name in its json tag; what is
// inline stands as if it were its own.
func fields(t reflect.Type) map[string]reflect.Type {
	known := map[string]reflect.Type{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" || !f.IsExported() && !f.Anonymous:
		case name == "" && (f.Anonymous || strings.Contains(options, "inline")):
			inner := f.Type
			for inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			for k, v := range fields(inner) {
				if _, taken := known[k]; !taken {
					known[k] = v
				}
			}
		case name == "":
			known[f.Name] = f.Type
		default:
			known[name] = f.Type
		}
	}
	return known
}

// suggest says what was probably meant by an unknown field.
func suggest(key, path string, t reflect.Type, known map[string]reflect.Type) string {
	names := slices.Sorted(maps.Keys(known))
	if near, ok := schema.Nearest(key, names); ok {
		return fmt.Sprintf(": did you mean %s?", near)
	}
	if deeper := below(key, path, t); deeper != "" {
		return fmt.Sprintf(": did you mean %s?", deeper)
	}
	if len(names) > 0 && len(names) <= 8 {
		return "; known here: " + strings.Join(names, ", ")
	}
	return ""
}

// general names stand in so many places that where they belong says nothing.
var general = map[string]bool{"name": true, "namespace": true, "kind": true, "labels": true, "annotations": true, "metadata": true, "spec": true, "status": true, "type": true, "value": true, "key": true, "items": true, "path": true}

// below finds a field further down, by at most four steps through maps of
// fields and the first items of lists: `containers` written right under the
// spec of a Service belongs to its template's.
func below(key, path string, t reflect.Type) string {
	if general[key] {
		return ""
	}
	type place struct {
		path string
		t    reflect.Type
	}
	level := []place{{path, t}}
	for range 4 {
		var next []place
		for _, p := range level {
			known := fields(p.t)
			for _, name := range slices.Sorted(maps.Keys(known)) {
				at, inner := join(p.path, name), known[name]
				for inner.Kind() == reflect.Pointer || inner.Kind() == reflect.Slice {
					if inner.Kind() == reflect.Slice {
						at += "[0]"
					}
					inner = inner.Elem()
				}
				if inner.Kind() != reflect.Struct || reflect.PointerTo(inner).Implements(unmarshaler) || general[name] && name != "spec" {
					continue
				}
				if _, found := fields(inner)[key]; found {
					return at + "." + key
				}
				next = append(next, place{at, inner})
			}
		}
		if level = next; len(level) > 200 {
			return ""
		}
	}
	return ""
}

// join appends a field to a path.
func join(path, key string) string {
	if strings.ContainsAny(key, ".[]/") {
		return path + "[" + key + "]"
	}
	if path == "" {
		return key
	}
	return path + "." + key
}
