package cloudevents

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strconv"
	"unicode/utf8"
)

// ReadJSON reads the JSON format into e, which is empty. It shares b's memory.
func (e *Event) ReadJSON(b []byte) error {
	if err := checkJSON(b); err != nil {
		return err
	}
	return e.readObject(&scanner{b: b})
}

// UnmarshalJSON implements json.Unmarshaler.
func (e *Event) UnmarshalJSON(b []byte) error {
	*e = Event{}
	return e.ReadJSON(bytes.Clone(b))
}

// ReadBatch reads the JSON batch format.
func ReadBatch(b []byte) ([]Event, error) {
	if err := checkJSON(b); err != nil {
		return nil, err
	}
	s := &scanner{b: b}
	if s.peek() != '[' {
		return nil, badf("a batch is a JSON array of events; this begins with %q", s.peek())
	}
	s.at++
	events := []Event{}
	for s.more(']') {
		var e Event
		if err := e.readObject(s); err != nil {
			return nil, badf("event %d of the batch: %v", len(events)+1, err)
		}
		events = append(events, e)
	}
	return events, nil
}

// checkJSON refuses what is not JSON, so that the scanner need not look.
func checkJSON(b []byte) error {
	if !utf8.Valid(b) {
		return badf("the JSON is not valid UTF-8")
	}
	if json.Valid(b) {
		return nil
	}
	var v any
	err := json.Unmarshal(b, &v)
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return badf("the event is not JSON: %v at byte %d", syntax, syntax.Offset)
	}
	return badf("the event is not JSON: %v", err)
}

// member is one name and value of an event's object, as written.
type member struct {
	name  string
	value []byte
}

// readObject reads the event that s stands before.
func (e *Event) readObject(s *scanner) error {
	members, err := s.members()
	if err != nil {
		return err
	}
	version := ""
	for _, m := range members {
		if m.name == "specversion" || m.name == "cloudEventsVersion" {
			version = text(m.value)
		}
	}
	switch version {
	case "1.0":
		return e.readMembers(members)
	case "0.1":
		return e.readMembers01(members)
	case "0.3":
		return e.readMembers03(members)
	case "":
		return badf("member specversion is missing; write \"specversion\": \"1.0\"")
	}
	return badf("specversion %q: this understands 1.0 (and upgrades 0.1 and 0.3)", version)
}

// readMembers reads version 1.0.
func (e *Event) readMembers(members []member) error {
	var data, encoded []byte
	for _, m := range members {
		switch m.name {
		case "data":
			data = m.value
		case "data_base64":
			encoded = m.value
		default:
			if err := e.setMember(m); err != nil {
				return err
			}
		}
	}
	if err := e.setPayload(data, encoded); err != nil {
		return err
	}
	return e.check()
}

// setMember sets an attribute from JSON.
func (e *Event) setMember(m member) error {
	switch c := m.value[0]; {
	case c == '"':
		return e.set(m.name, text(m.value), Text)
	case c == 'n':
		return nil // as if it were not there
	case e.field(m.name) != nil || m.name == "specversion":
		return badf("attribute %s is %s; it has to be a text", m.name, m.value)
	case c == 't' || c == 'f':
		return e.set(m.name, string(m.value), Boolean)
	case c == '{' || c == '[':
		return badf("attribute %s is an object or a list; an attribute is a text, a whole number, true or false", m.name)
	}
	n, err := strconv.ParseInt(string(m.value), 10, 32)
	if err != nil {
		return badf("attribute %s: %s is not a whole number of 32 bits; write it as a text", m.name, m.value)
	}
	return e.set(m.name, strconv.FormatInt(n, 10), Integer)
}

// setPayload reads data or data_base64.
func (e *Event) setPayload(data, encoded []byte) error {
	hasData := data != nil && data[0] != 'n'
	hasEncoded := encoded != nil && encoded[0] != 'n'
	switch {
	case hasData && hasEncoded:
		return badf("the event has both data and data_base64; one is right")
	case hasEncoded:
		if encoded[0] != '"' {
			return badf("data_base64 has to be a text")
		}
		b, err := base64.StdEncoding.DecodeString(text(encoded))
		if err != nil {
			return badf("data_base64 is not base64: %v", err)
		}
		e.Data = b
	case hasData:
		e.setData(data)
	case data != nil && (e.DataContentType == "" || isJSON(e.DataContentType)):
		e.setData(data) // JSON's null is a payload too
	}
	return nil
}

func (e *Event) setData(data []byte) {
	if e.DataContentType == "" || isJSON(e.DataContentType) || data[0] != '"' {
		e.Data, e.json = data, true
		return
	}
	e.Data = []byte(text(data))
}

// text is the value of a JSON string.
func text(quoted []byte) string {
	if len(quoted) < 2 || quoted[0] != '"' {
		return ""
	}
	in := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(in, '\\') < 0 {
		return string(in)
	}
	var s string
	_ = json.Unmarshal(quoted, &s) // was checked whole
	return s
}
