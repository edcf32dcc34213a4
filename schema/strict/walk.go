package strict

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"

	"github.com/sluice-dev/sluice/schema"
)

// maxProblems ends the walk of a hopeless document.
const maxProblems = 50

// walker compares a JSON value with a Go type and notes every difference.
type walker struct {
	doc      schema.Document
	secret   bool
	root     reflect.Type
	problems []schema.Problem
}

func (w *walker) problem(path, text string) {
	if len(w.problems) < maxProblems {
		w.problems = append(w.problems, w.doc.Problem(path, text))
	}
}

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

// value compares what stands at a path with the type wanted there.
func (w *walker) value(path string, v any, t reflect.Type) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if v == nil {
		return
	}
	if reflect.PointerTo(t).Implements(unmarshaler) {
		w.custom(path, v, t)
		return
	}
	switch t.Kind() {
	case reflect.Struct:
		w.structure(path, v, t)
	case reflect.Map:
		w.mapping(path, v, t)
	case reflect.Slice:
		w.slice(path, v, t)
	case reflect.Interface:
	default:
		w.scalar(path, v, t)
	}
}

func (w *walker) structure(path string, v any, t reflect.Type) {
	m, ok := v.(map[string]any)
	if !ok {
		w.wrong(path, "a map of fields", v)
		return
	}
	known := fields(t)
	for _, key := range slices.Sorted(maps.Keys(m)) {
		at := join(path, key)
		if field, ok := known[key]; ok {
			w.value(at, m[key], field)
			continue
		}
		w.problem(at, "unknown field"+suggest(key, path, t, known))
	}
}

func (w *walker) mapping(path string, v any, t reflect.Type) {
	m, ok := v.(map[string]any)
	if !ok {
		w.wrong(path, "a map", v)
		return
	}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		w.value(path+"["+key+"]", m[key], t.Elem())
	}
}

func (w *walker) slice(path string, v any, t reflect.Type) {
	if t.Elem().Kind() == reflect.Uint8 {
		s, ok := v.(string)
		if !ok {
			w.wrong(path, "base64 text", v)
		} else if _, err := base64.StdEncoding.DecodeString(s); err != nil {
			w.problem(path, "want base64 text; for plain text use stringData")
		}
		return
	}
	list, ok := v.([]any)
	if !ok {
		w.wrong(path, "a list (each item on a line that begins with `- `)", v)
		return
	}
	for i, item := range list {
		w.value(path+"["+strconv.Itoa(i)+"]", item, t.Elem())
	}
}

func (w *walker) scalar(path string, v any, t reflect.Type) {
	switch t.Kind() {
	case reflect.String:
		if _, ok := v.(string); !ok {
			w.wrong(path, "a string", v)
		}
	case reflect.Bool:
		if _, ok := v.(bool); !ok {
			w.wrong(path, "true or false", v)
		}
	case reflect.Float32, reflect.Float64:
		if _, ok := v.(json.Number); !ok {
			w.wrong(path, "a number", v)
		}
	default:
		n, ok := v.(json.Number)
		if !ok {
			w.wrong(path, "an integer", v)
		} else if !fits(n, t) {
			w.problem(path, fmt.Sprintf("want an integer of %d bits, got %s", t.Bits(), n))
		}
	}
}

// fits reports whether a number is an integer that the type can hold.
func fits(n json.Number, t reflect.Type) bool {
	if t.Kind() >= reflect.Uint && t.Kind() <= reflect.Uint64 {
		_, err := strconv.ParseUint(n.String(), 10, t.Bits())
		return err == nil
	}
	_, err := strconv.ParseInt(n.String(), 10, t.Bits())
	return err == nil
}

// custom asks a type that reads itself whether it can.
func (w *walker) custom(path string, v any, t reflect.Type) {
	b, err := json.Marshal(v)
	if err != nil {
		return
	}
	target, _ := reflect.New(t).Interface().(json.Unmarshaler)
	if target.UnmarshalJSON(b) == nil {
		return
	}
	switch t.Name() {
	case "Quantity":
		w.wrong(path, `a quantity such as "100m", "0.5" or "64Mi"`, v)
	case "IntOrString":
		w.wrong(path, "an integer or a string", v)
	case "Time", "MicroTime":
		w.wrong(path, `a time such as "2026-01-31T15:04:05Z"`, v)
	case "Duration":
		w.wrong(path, `a duration such as "30s"`, v)
	default:
		w.wrong(path, "a "+t.Name(), v)
	}
}
