package cloudevents

import (
	"net/http"
	"strings"
)

// prefix begins the headers of attributes, as net/http spells it.
const prefix = "Ce-"

// readBinary reads attributes from headers; the body is the payload.
func (e *Event) readBinary(h http.Header, contentType string, body []byte) error {
	version, err := single(h, "Ce-Specversion")
	if err != nil {
		return err
	}
	switch version {
	case "1.0", `"1.0"`:
	case "0.3":
		return e.readBinary03(h, contentType, body)
	case "":
		if len(h["Ce-Cloudeventsversion"]) > 0 {
			return e.readBinary01(h, contentType, body)
		}
		return badf("this is no CloudEvent: neither has it the header ce-specversion, nor the content type %s", MediaTypeJSON)
	default:
		return badf("ce-specversion %q: this understands 1.0 (and upgrades 0.1 and 0.3)", version)
	}
	if err := e.readHeaders(h); err != nil {
		return err
	}
	e.setBody(contentType, body)
	return e.check()
}

// readHeaders reads all ce- headers of version 1.0.
func (e *Event) readHeaders(h http.Header) error {
	for key, values := range h {
		if !strings.HasPrefix(key, prefix) {
			continue
		}
		name := attributeName(key)
		if name == "datacontenttype" {
			return badf("header ce-datacontenttype must not be there: the content type of the payload is the header content-type")
		}
		if len(values) != 1 {
			return badf("header ce-%s is there %d times; once is right", name, len(values))
		}
		value, err := readHeaderValue(name, values[0])
		if err != nil {
			return err
		}
		if err := e.set(name, value, Text); err != nil {
			return err
		}
	}
	return nil
}

// attributeName is the attribute that a canonical header is of. Those that most
// events have cost nothing.
func attributeName(key string) string {
	switch name := key[len(prefix):]; name {
	case "Specversion":
		return "specversion"
	case "Id":
		return "id"
	case "Source":
		return "source"
	case "Type":
		return "type"
	case "Subject":
		return "subject"
	case "Time":
		return "time"
	default:
		return strings.ToLower(name)
	}
}

func (e *Event) setBody(contentType string, body []byte) {
	e.DataContentType = contentType
	if len(body) > 0 {
		e.Data = body
	}
}

// contentType is what a payload is sent under: JSON is implied where an event
// in JSON did not say.
func (e *Event) contentType() string {
	if e.DataContentType == "" && e.json && e.Data != nil {
		return "application/json"
	}
	return e.DataContentType
}

// SetHeaders writes the event's binary mode; the body is Data.
func (e *Event) SetHeaders(h http.Header) {
	e.Attributes(func(name, value string, _ Kind) {
		if name != "datacontenttype" {
			h[headerName(name)] = []string{headerValue(value)}
		}
	})
	if ct := e.contentType(); ct != "" {
		h["Content-Type"] = []string{ct}
	}
}

// headerName is an attribute's header as net/http spells it.
func headerName(name string) string {
	b := make([]byte, 0, len(prefix)+len(name))
	b = append(append(b, prefix...), name...)
	if c := b[len(prefix)]; c >= 'a' && c <= 'z' {
		b[len(prefix)] = c - 'a' + 'A'
	}
	return string(b)
}

// AppendHeaders writes the event's binary mode as header lines, for a client
// that writes its own.
func (e *Event) AppendHeaders(dst []byte) []byte {
	dst = append(dst, "ce-specversion: 1.0\r\nce-id: "...)
	dst = appendHeaderValue(dst, e.ID)
	dst = appendHeader(dst, "source", e.Source)
	dst = appendHeader(dst, "type", e.Type)
	dst = appendHeader(dst, "subject", e.Subject)
	dst = appendHeader(dst, "time", e.Time)
	dst = appendHeader(dst, "dataschema", e.DataSchema)
	for _, x := range e.Extensions {
		dst = appendHeader(dst, x.Name, x.Value)
	}
	dst = append(dst, "\r\n"...)
	if ct := e.contentType(); ct != "" && !strings.ContainsAny(ct, "\r\n") {
		dst = append(append(append(dst, "content-type: "...), ct...), "\r\n"...)
	}
	return dst
}

// appendHeader ends the line before and writes the next without its end.
func appendHeader(dst []byte, name, value string) []byte {
	if value == "" {
		return dst
	}
	dst = append(append(append(dst, "\r\nce-"...), name...), ": "...)
	return appendHeaderValue(dst, value)
}

// isJSON tells whether a media type's payload is JSON: application/json,
// text/json, or anything that ends with +json.
func isJSON(contentType string) bool {
	media, _, _ := strings.Cut(contentType, ";")
	media = strings.TrimSpace(media)
	return strings.EqualFold(media, "application/json") || strings.EqualFold(media, "text/json") ||
		len(media) > 5 && strings.EqualFold(media[len(media)-5:], "+json")
}

// IsJSON tells whether the payload is JSON by its type, or by the form in which
// the event came.
func (e *Event) IsJSON() bool {
	if e.DataContentType == "" {
		return e.json
	}
	return isJSON(e.DataContentType)
}
