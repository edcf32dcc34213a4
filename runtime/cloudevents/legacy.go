package cloudevents

import (
	"encoding/base64"
	"net/http"
	"strings"
)

// names01 maps the attributes of version 0.1, in lower case, to those of 1.0.
// eventtypeversion became an extension.
var names01 = map[string]string{
	"eventid":          "id",
	"eventtype":        "type",
	"eventtime":        "time",
	"source":           "source",
	"schemaurl":        "dataschema",
	"contenttype":      "datacontenttype",
	"eventtypeversion": "eventtypeversion",
}

// readBinary01 upgrades what senders of 2018 post.
func (e *Event) readBinary01(h http.Header, contentType string, body []byte) error {
	if v, err := single(h, "Ce-Cloudeventsversion"); err != nil || strings.Trim(v, `"`) != "0.1" {
		return badf("ce-cloudeventsversion %q: this understands 0.1, and specversion 1.0", v)
	}
	for key, values := range h {
		if !strings.HasPrefix(key, prefix) || key == "Ce-Cloudeventsversion" || len(values) == 0 {
			continue
		}
		name := strings.ToLower(key[len(prefix):])
		value, err := readHeaderValue(name, values[0])
		if err != nil {
			return err
		}
		if err := e.set01(name, value, Text); err != nil {
			return err
		}
	}
	e.setBody(contentType, body)
	return e.check()
}

// set01 sets an attribute or extension under its name of 1.0.
func (e *Event) set01(name, value string, kind Kind) error {
	if value == "" {
		return nil
	}
	if to, ok := names01[name]; ok {
		return e.set(to, value, kind)
	}
	to := extensionName(strings.TrimPrefix(name, "x-"))
	if to == "" || to == "data" || e.field(to) != nil {
		return badf("extension %q of version 0.1 has no name in 1.0", name)
	}
	return e.set(to, value, kind)
}

// extensionName leaves of a name what 1.0 allows.
func extensionName(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return -1
	}, name)
}

func (e *Event) readMembers01(members []member) error {
	var data []byte
	for _, m := range members {
		switch m.name {
		case "cloudEventsVersion":
		case "data":
			data = m.value
		case "extensions":
			if err := e.readExtensions01(m.value); err != nil {
				return err
			}
		default:
			if err := e.setMember01(strings.ToLower(m.name), m.value); err != nil {
				return err
			}
		}
	}
	if err := e.setPayload(data, nil); err != nil {
		return err
	}
	return e.check()
}

func (e *Event) readExtensions01(object []byte) error {
	if object[0] == 'n' {
		return nil
	}
	extensions, err := (&scanner{b: object}).members()
	if err != nil {
		return badf("extensions: %v", err)
	}
	for _, m := range extensions {
		if err := e.setMember01(m.name, m.value); err != nil {
			return err
		}
	}
	return nil
}

// setMember01 keeps an extension that is an object or a list as its JSON text:
// 0.1 allowed them, 1.0 does not.
func (e *Event) setMember01(name string, value []byte) error {
	switch value[0] {
	case 'n':
		return nil
	case '"':
		return e.set01(name, text(value), Text)
	}
	return e.set01(name, strings.Join(strings.Fields(string(value)), " "), Text)
}

// readBinary03 upgrades 0.3, which spells one attribute otherwise and may say
// that the payload is in base64.
func (e *Event) readBinary03(h http.Header, contentType string, body []byte) error {
	in := h.Clone()
	in["Ce-Specversion"] = []string{"1.0"}
	if schema := in["Ce-Schemaurl"]; schema != nil {
		in["Ce-Dataschema"] = schema
		delete(in, "Ce-Schemaurl")
	}
	encoding := in.Get("Ce-Datacontentencoding")
	delete(in, "Ce-Datacontentencoding")
	if strings.EqualFold(encoding, "base64") {
		b, err := base64.StdEncoding.DecodeString(string(body))
		if err != nil {
			return badf("ce-datacontentencoding is base64 but the body is not: %v", err)
		}
		body = b
	}
	return e.readBinary(in, contentType, body)
}

func (e *Event) readMembers03(members []member) error {
	in, encoded := make([]member, 0, len(members)), false
	for _, m := range members {
		switch m.name {
		case "specversion":
		case "datacontentencoding":
			encoded = strings.EqualFold(text(m.value), "base64")
		case "schemaurl":
			in = append(in, member{"dataschema", m.value})
		default:
			in = append(in, m)
		}
	}
	for i := range in {
		if encoded && in[i].name == "data" {
			in[i].name = "data_base64"
		}
	}
	return e.readMembers(in)
}
