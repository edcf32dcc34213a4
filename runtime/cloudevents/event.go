package cloudevents

import (
	"slices"
	"strings"
)

// Event is a CloudEvent of version 1.0. Attributes are kept as their canonical
// text; "" is an attribute that is not there, for none may be empty.
type Event struct {
	ID, Source, Type string // required

	Subject         string
	Time            string // RFC 3339
	DataContentType string
	DataSchema      string
	// Extensions are sorted by name.
	Extensions []Extension
	// Data is the payload's bytes. Nil: none.
	Data []byte

	// json says that Data is known to be one JSON value, whatever the type says.
	json bool
}

// Extension is an attribute that the specification does not name.
type Extension struct {
	Name, Value string
	Kind        Kind
}

// Kind is the type of an extension's value, which only JSON can tell.
type Kind uint8

// The kinds whose JSON form differs from a text's.
const (
	Text Kind = iota
	Integer
	Boolean
)

// Attribute is an attribute's value by its name, as filters ask for it.
func (e *Event) Attribute(name string) (string, bool) {
	var v string
	switch name {
	case "specversion":
		v = "1.0"
	case "id":
		v = e.ID
	case "source":
		v = e.Source
	case "type":
		v = e.Type
	case "subject":
		v = e.Subject
	case "time":
		v = e.Time
	case "datacontenttype":
		v = e.DataContentType
	case "dataschema":
		v = e.DataSchema
	default:
		return e.extension(name)
	}
	return v, v != ""
}

func (e *Event) extension(name string) (string, bool) {
	for i := range e.Extensions {
		if e.Extensions[i].Name == name {
			return e.Extensions[i].Value, true
		}
	}
	return "", false
}

// Set gives an attribute a value after checking both; "" removes it. An
// extension's value becomes text.
func (e *Event) Set(name, value string) error {
	if value == "" {
		return e.unset(name)
	}
	return e.set(name, value, Text)
}

func (e *Event) set(name, value string, kind Kind) error {
	if err := checkName(name); err != nil {
		return err
	}
	value, err := checkValue(name, value)
	if err != nil {
		return err
	}
	if field := e.field(name); field != nil {
		*field = value
		return nil
	}
	if name == "specversion" {
		return nil
	}
	i, found := e.find(name)
	if !found {
		e.Extensions = slices.Insert(e.Extensions, i, Extension{})
	}
	e.Extensions[i] = Extension{Name: name, Value: value, Kind: kind}
	return nil
}

func (e *Event) unset(name string) error {
	switch name {
	case "id", "source", "type", "specversion":
		return badf("attribute %s is required and cannot be removed", name)
	}
	if field := e.field(name); field != nil {
		*field = ""
		return nil
	}
	if i, found := e.find(name); found {
		e.Extensions = slices.Delete(e.Extensions, i, i+1)
	}
	return nil
}

func (e *Event) find(name string) (int, bool) {
	return slices.BinarySearchFunc(e.Extensions, name, func(x Extension, name string) int { return strings.Compare(x.Name, name) })
}

// field is where a named attribute is kept; nil for an extension.
func (e *Event) field(name string) *string {
	switch name {
	case "id":
		return &e.ID
	case "source":
		return &e.Source
	case "type":
		return &e.Type
	case "subject":
		return &e.Subject
	case "time":
		return &e.Time
	case "datacontenttype":
		return &e.DataContentType
	case "dataschema":
		return &e.DataSchema
	}
	return nil
}

// Attributes calls f with every attribute that is there, specversion included.
func (e *Event) Attributes(f func(name, value string, kind Kind)) {
	f("specversion", "1.0", Text)
	for _, name := range [...]string{"id", "source", "type", "subject", "time", "datacontenttype", "dataschema"} {
		if v := *e.field(name); v != "" {
			f(name, v, Text)
		}
	}
	for _, x := range e.Extensions {
		f(x.Name, x.Value, x.Kind)
	}
}

// SetData gives the event a payload of a content type.
func (e *Event) SetData(contentType string, data []byte) {
	e.DataContentType, e.Data, e.json = contentType, data, false
}

// Clone is a copy whose attributes can be changed. It shares the data.
func (e *Event) Clone() Event {
	c := *e
	c.Extensions = slices.Clone(e.Extensions)
	return c
}

// check is what remains to be asked of an event whose attributes were set one
// by one.
func (e *Event) check() error {
	for _, name := range [...]string{"id", "source", "type"} {
		if *e.field(name) == "" {
			return badf("required attribute %s is missing or empty", name)
		}
	}
	return nil
}

// Validate checks an event that was not read by this package.
func (e *Event) Validate() error {
	if err := e.check(); err != nil {
		return err
	}
	c := e.Clone()
	var first error
	e.Attributes(func(name, value string, kind Kind) {
		if err := c.set(name, value, kind); err != nil && first == nil {
			first = err
		}
	})
	return first
}
