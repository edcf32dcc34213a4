package filter

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"

	"github.com/sluice-dev/sluice/runtime/cloudevents"
	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/expression"
)

// Transform is a compiled transform. A nil Transform changes nothing.
type Transform struct {
	attributes []setter
	data       cel.Program
}

type setter struct {
	name  string
	value cel.Program
}

// CompileTransform compiles a transform; nil gives nil.
func CompileTransform(t *contract.Transform) (*Transform, error) {
	if t == nil {
		return nil, nil
	}
	out := &Transform{}
	for _, name := range slices.Sorted(maps.Keys(t.Attributes)) {
		p, err := expression.Value(t.Attributes[name])
		if err != nil {
			return nil, fmt.Errorf("attribute %s: cel %q: %w", name, t.Attributes[name], err)
		}
		out.attributes = append(out.attributes, setter{name, p})
	}
	if t.Data == "" {
		return out, nil
	}
	p, err := expression.Value(t.Data)
	if err != nil {
		return nil, fmt.Errorf("data: cel %q: %w", t.Data, err)
	}
	out.data = p
	return out, nil
}

// Apply returns the changed event; every expression sees the event as it was.
func (t *Transform) Apply(in *Input) (cloudevents.Event, error) {
	if t == nil {
		return *in.Event, nil
	}
	e := in.Event.Clone()
	if t.data != nil {
		if err := setData(&e, t.data, in); err != nil {
			return e, fmt.Errorf("transform of data: %w", err)
		}
	}
	for _, s := range t.attributes {
		value, err := attribute(s.value, in)
		if err == nil {
			err = e.Set(s.name, value)
		}
		if err != nil {
			return e, fmt.Errorf("transform of attribute %s: %w", s.name, err)
		}
	}
	return e, nil
}

// attribute evaluates to a text; null is "".
func attribute(p cel.Program, in *Input) (string, error) {
	out, err := in.eval(p)
	if err != nil {
		return "", err
	}
	switch v := out.(type) {
	case types.Null:
		return "", nil
	case types.String:
		return string(v), nil
	case types.Double:
		return strconv.FormatFloat(float64(v), 'f', -1, 64), nil
	case types.Int, types.Uint, types.Bool, types.Timestamp:
		return fmt.Sprint(out.ConvertToType(types.StringType).Value()), nil
	}
	return "", fmt.Errorf("it gives a %s; an attribute is a text, a number, true or false", out.Type().TypeName())
}

// setData evaluates to the payload: text and bytes as they are, all else as JSON.
func setData(e *cloudevents.Event, p cel.Program, in *Input) error {
	out, err := in.eval(p)
	if err != nil {
		return err
	}
	switch v := out.(type) {
	case types.String:
		e.SetData(textType(e), []byte(v))
		return nil
	case types.Bytes:
		contentType := e.DataContentType
		if e.IsJSON() || contentType == "" {
			contentType = "application/octet-stream"
		}
		e.SetData(contentType, []byte(v))
		return nil
	}
	b, err := marshal(out)
	if err != nil {
		return err
	}
	e.SetData("application/json", b)
	return nil
}

// textType is what a payload that became text is: what it was, unless that was
// JSON.
func textType(e *cloudevents.Event) string {
	if e.DataContentType == "" || e.IsJSON() {
		return "text/plain; charset=utf-8"
	}
	return e.DataContentType
}
