package cloudevents

import (
	"net/http"
	"strings"
)

// The media types of the JSON format.
const (
	MediaTypeJSON  = "application/cloudevents+json"
	MediaTypeBatch = "application/cloudevents-batch+json"

	mediaPrefix = "application/cloudevents"
	batchPrefix = "application/cloudevents-batch"
)

// FromHTTP reads the events of a message: one in binary or structured mode, any
// number in batch mode. Header names are canonical, as net/http has them. The
// events share the body's memory.
func FromHTTP(h http.Header, body []byte) ([]Event, error) {
	if isBatch(h) {
		if err := checkEncoding(h); err != nil {
			return nil, err
		}
		return fromBatch(h, body)
	}
	events := make([]Event, 1)
	if err := events[0].ReadHTTP(h, body); err != nil {
		return nil, err
	}
	return events, nil
}

// ReadHTTP reads a message with exactly one event into e, which is empty.
func (e *Event) ReadHTTP(h http.Header, body []byte) error {
	contentType, err := single(h, "Content-Type")
	if err != nil {
		return err
	}
	if err := checkEncoding(h); err != nil {
		return err
	}
	switch {
	case hasPrefixFold(contentType, batchPrefix):
		return unsupportedf("a batch is not taken here: send one event, as %s or in binary mode", MediaTypeJSON)
	case !hasPrefixFold(contentType, mediaPrefix):
		return e.readBinary(h, contentType, body)
	}
	known, err := checkFormat(contentType, mediaPrefix)
	if err != nil {
		return err
	}
	if !known {
		if len(h["Ce-Specversion"]) > 0 {
			return e.readBinary(h, contentType, body)
		}
		return unsupportedf("content type %q: the event format is not known; send %s, or binary mode with ce- headers", contentType, MediaTypeJSON)
	}
	return e.ReadJSON(body)
}

// checkEncoding refuses a body that is compressed: no attribute says so, and who
// gets the event would take it for the payload.
func checkEncoding(h http.Header) error {
	for _, encoding := range h["Content-Encoding"] {
		if encoding != "" && !strings.EqualFold(encoding, "identity") {
			return unsupportedf("content encoding %q: a CloudEvent has none; send the body as it is, without content-encoding", encoding)
		}
	}
	return nil
}

func isBatch(h http.Header) bool {
	types := h["Content-Type"]
	return len(types) == 1 && hasPrefixFold(types[0], batchPrefix)
}

func fromBatch(h http.Header, body []byte) ([]Event, error) {
	contentType := h["Content-Type"][0]
	known, err := checkFormat(contentType, batchPrefix)
	if err != nil {
		return nil, err
	}
	if !known {
		return nil, unsupportedf("content type %q: the event format is not known; send %s", contentType, MediaTypeBatch)
	}
	return ReadBatch(body)
}

// Around tells whether the payload is an event itself. Binary mode cannot say so:
// its content type would be taken for that of structured mode.
func (e *Event) Around() bool { return hasPrefixFold(e.DataContentType, mediaPrefix) }

// checkFormat tells whether a structured media type is of the JSON format, in
// an encoding that JSON may have.
func checkFormat(contentType, prefix string) (bool, error) {
	media, parameters, _ := strings.Cut(contentType, ";")
	if !strings.EqualFold(strings.TrimSpace(media)[len(prefix):], "+json") {
		return false, nil
	}
	for p := range strings.SplitSeq(parameters, ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		value = strings.Trim(value, `"`)
		if strings.EqualFold(key, "charset") && !strings.EqualFold(value, "utf-8") && !strings.EqualFold(value, "us-ascii") {
			return false, unsupportedf("content type %q: JSON is UTF-8; send it so", contentType)
		}
	}
	return true, nil
}

// single is a header that may come once.
func single(h http.Header, name string) (string, error) {
	switch values := h[name]; len(values) {
	case 0:
		return "", nil
	case 1:
		return strings.TrimSpace(values[0]), nil
	default:
		return "", badf("header %s is there %d times; once is right", strings.ToLower(name), len(values))
	}
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}
