package filter

import (
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	sdk "github.com/cloudevents/sdk-go/v2/event"
	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types/ref"

	"github.com/sluice-dev/sluice/runtime/cloudevents"
)

// Input is an event as expressions see it; each view is made when the first
// expression asks for it. It is used by one goroutine.
type Input struct {
	Event *cloudevents.Event

	names   map[string]any // CEL's event
	data    any            // CEL's data
	decoded bool           // data was looked at
	failed  error          // why there is none
	foreign *sdk.Event     // CESQL's
}

// ResolveName implements CEL's Activation: what an expression does not name is
// not made.
func (in *Input) ResolveName(name string) (any, bool) {
	switch name {
	case "event":
		if in.names == nil {
			in.names = attributes(in.Event)
		}
		return in.names, true
	case "data":
		if !in.decoded {
			in.data, in.failed = payload(in.Event)
			in.decoded = true
		}
		return in.data, in.failed == nil
	}
	return nil, false
}

// Parent implements CEL's Activation.
func (in *Input) Parent() cel.Activation { return nil }

// eval evaluates an expression in CEL.
func (in *Input) eval(p cel.Program) (ref.Val, error) {
	out, _, err := p.Eval(in)
	if err != nil && in.failed != nil {
		return nil, in.failed
	}
	return out, err
}

func attributes(e *cloudevents.Event) map[string]any {
	m := make(map[string]any, 6+len(e.Extensions))
	e.Attributes(func(name, value string, kind cloudevents.Kind) { m[name] = typed(value, kind) })
	return m
}

// typed gives a number or truth value its type back.
func typed(value string, kind cloudevents.Kind) any {
	switch kind {
	case cloudevents.Integer:
		if n, err := strconv.ParseInt(value, 10, 32); err == nil {
			return n
		}
	case cloudevents.Boolean:
		return value == "true"
	}
	return value
}

// payload is the data as its type says: decoded JSON, text, or bytes.
func payload(e *cloudevents.Event) (any, error) {
	switch {
	case e.Data == nil:
		return nil, nil
	case e.IsJSON():
		v, err := decodeJSON(e.Data)
		if err != nil {
			return nil, fmt.Errorf("the payload is not JSON, as its content type says: %w", err)
		}
		return v, nil
	case utf8.Valid(e.Data):
		return string(e.Data), nil
	}
	return e.Data, nil
}

// sdk gives the event as CESQL's evaluator wants it.
func (in *Input) sdk() sdk.Event {
	if in.foreign == nil {
		e := convert(in.Event)
		in.foreign = &e
	}
	return *in.foreign
}

func convert(e *cloudevents.Event) sdk.Event {
	f := sdk.New(sdk.CloudEventsVersionV1)
	f.SetID(e.ID)
	f.SetSource(e.Source)
	f.SetType(e.Type)
	if e.Subject != "" {
		f.SetSubject(e.Subject)
	}
	if at, err := time.Parse(time.RFC3339Nano, e.Time); err == nil {
		f.SetTime(at)
	}
	if e.DataContentType != "" {
		f.SetDataContentType(e.DataContentType)
	}
	if e.DataSchema != "" {
		f.SetDataSchema(e.DataSchema)
	}
	for _, x := range e.Extensions {
		value := typed(x.Value, x.Kind)
		if n, ok := value.(int64); ok {
			value = int32(n)
		}
		f.SetExtension(x.Name, value)
	}
	return f
}
