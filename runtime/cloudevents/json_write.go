package cloudevents

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// AppendJSON writes the event in its JSON format.
func (e *Event) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"specversion":"1.0","id":`...)
	dst = appendText(dst, e.ID)
	dst = append(dst, `,"source":`...)
	dst = appendText(dst, e.Source)
	dst = append(dst, `,"type":`...)
	dst = appendText(dst, e.Type)
	dst = appendMember(dst, `,"subject":`, e.Subject)
	dst = appendMember(dst, `,"time":`, e.Time)
	dst = appendMember(dst, `,"datacontenttype":`, e.DataContentType)
	dst = appendMember(dst, `,"dataschema":`, e.DataSchema)
	for i := range e.Extensions {
		x := &e.Extensions[i]
		dst = append(append(append(dst, `,"`...), x.Name...), `":`...)
		if x.Kind == Text {
			dst = appendText(dst, x.Value)
		} else {
			dst = append(dst, x.Value...)
		}
	}
	return append(e.appendData(dst), '}')
}

// MarshalJSON implements json.Marshaler.
func (e *Event) MarshalJSON() ([]byte, error) { return e.AppendJSON(nil), nil }

// AppendBatch writes events in the JSON batch format.
func AppendBatch(dst []byte, events []Event) []byte {
	dst = append(dst, '[')
	for i := range events {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = events[i].AppendJSON(dst)
	}
	return append(dst, ']')
}

func appendMember(dst []byte, key, value string) []byte {
	if value == "" {
		return dst
	}
	return appendText(append(dst, key...), value)
}

// appendData writes JSON as it is, text as a text, and all else in base64.
func (e *Event) appendData(dst []byte) []byte {
	switch {
	case e.Data == nil:
		return dst
	case e.json && (e.DataContentType == "" || isJSON(e.DataContentType)), isJSON(e.DataContentType) && json.Valid(e.Data) && utf8.Valid(e.Data):
		return append(append(dst, `,"data":`...), e.Data...)
	case isText(e.DataContentType) && utf8.Valid(e.Data):
		return appendText(append(dst, `,"data":`...), e.Data)
	}
	dst = append(dst, `,"data_base64":"`...)
	dst = base64.StdEncoding.AppendEncode(dst, e.Data)
	return append(dst, '"')
}

// isText tells whether a payload that is UTF-8 is better read as a text.
func isText(contentType string) bool {
	return hasPrefixFold(contentType, "text/") && !isJSON(contentType) || hasPrefixFold(contentType, "application/xml") || strings.Contains(contentType, "+xml")
}

// appendText writes a JSON string. s is UTF-8.
func appendText[T string | []byte](dst []byte, s T) []byte {
	dst = append(dst, '"')
	from := 0
	for i := range len(s) {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', upperHex[c>>4], upperHex[c&15])
		}
	}
	return append(append(dst, s[from:]...), '"')
}
