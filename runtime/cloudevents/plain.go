package cloudevents

import (
	"net/http"
	"strings"
	"unicode/utf8"
)

// plainPrefix begins the headers of attributes where values are plain UTF-8:
// on a bus, whose driver turns it into its own (Kafka's is ce_).
const (
	plainPrefix      = "ce-"
	plainContentType = "content-type"
)

// FromPlain reads an event from headers with plain values: structured where the
// content type says so, else binary.
func FromPlain(headers map[string]string, body []byte) (Event, error) {
	var e Event
	contentType := headers[plainContentType]
	if hasPrefixFold(contentType, mediaPrefix) {
		err := e.ReadHTTP(http.Header{"Content-Type": {contentType}}, body)
		if !isAround(headers, &e, err) {
			return e, err
		}
		e = Event{}
	}
	if _, ok := headers[plainPrefix+"specversion"]; !ok {
		return e, badf("this is no CloudEvent: neither has it the header ce-specversion, nor the content type %s", MediaTypeJSON)
	}
	if err := e.readPlain(headers); err != nil {
		return e, err
	}
	e.setBody(contentType, body)
	return e, e.check()
}

// isAround tells whether headers are those of an event whose payload is an event:
// not of the one that was read from the body, which headers may repeat.
func isAround(headers map[string]string, read *Event, err error) bool {
	if headers[plainPrefix+"specversion"] == "" {
		return false
	}
	return err != nil || headers[plainPrefix+"id"] != read.ID || headers[plainPrefix+"source"] != read.Source
}

func (e *Event) readPlain(headers map[string]string) error {
	for key, value := range headers {
		name, ok := strings.CutPrefix(key, plainPrefix)
		if !ok {
			continue
		}
		if !utf8.ValidString(value) {
			return badf("header %s is not valid UTF-8", key)
		}
		if err := e.set(name, value, Text); err != nil {
			return err
		}
	}
	return nil
}

// Plain is the event as headers with plain values; the body is Data.
func (e *Event) Plain() map[string]string {
	headers := make(map[string]string, 6+len(e.Extensions))
	e.Attributes(func(name, value string, _ Kind) {
		if name != "datacontenttype" {
			headers[plainName(name)] = value
		}
	})
	if ct := e.contentType(); ct != "" {
		headers[plainContentType] = ct
	}
	return headers
}

// plainName allocates for extensions alone.
func plainName(name string) string {
	switch name {
	case "specversion":
		return "ce-specversion"
	case "id":
		return "ce-id"
	case "source":
		return "ce-source"
	case "type":
		return "ce-type"
	case "subject":
		return "ce-subject"
	case "time":
		return "ce-time"
	}
	return plainPrefix + name
}
