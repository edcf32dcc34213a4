package jetstream

import (
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/sluice-dev/sluice/runtime/bus"
)

// Headers for what NATS has no place for.
const (
	headerID  = "sluice-id"
	headerKey = "sluice-key"
)

const upperhex = "0123456789ABCDEF"

// toNATS spells a message as the CloudEvents binding for NATS does: header
// values percent-encoded.
func toNATS(topic string, m *bus.Message) *nats.Msg {
	header := make(nats.Header, len(m.Headers)+2)
	for name, value := range m.Headers {
		header[name] = []string{encode(value)}
	}
	if m.ID != "" {
		header[headerID] = []string{encode(m.ID)}
	}
	if m.Key != "" {
		header[headerKey] = []string{encode(m.Key)}
	}
	return &nats.Msg{Subject: subjectOf(topic), Header: header, Data: m.Body}
}

func fromNATS(header nats.Header, body []byte) *bus.Message {
	m := &bus.Message{Body: body, Headers: make(map[string]string, len(header))}
	for name, values := range header {
		value := ""
		if len(values) > 0 {
			value = decode(values[0])
		}
		switch {
		case name == headerID:
			m.ID = value
		case name == headerKey:
			m.Key = value
		case strings.HasPrefix(name, "Nats-"): // the server's own
		default:
			m.Headers[name] = value
		}
	}
	return m
}

func encode(s string) string {
	n := 0
	for i := range len(s) {
		if special(s[i]) {
			n++
		}
	}
	if n == 0 {
		return s
	}
	b := make([]byte, 0, len(s)+2*n)
	for i := range len(s) {
		if c := s[i]; special(c) {
			b = append(b, '%', upperhex[c>>4], upperhex[c&15])
		} else {
			b = append(b, c)
		}
	}
	return string(b)
}

func special(c byte) bool { return c <= 0x20 || c >= 0x7f || c == '"' || c == '%' }

func decode(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if hi, lo := unhex(s[i+1]), unhex(s[i+2]); hi < 16 && lo < 16 {
				b = append(b, hi<<4|lo)
				i += 2
				continue
			}
		}
		b = append(b, s[i])
	}
	return string(b)
}

func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 0xff
}

// sizeOf is what counts against the server's largest message.
func sizeOf(m *nats.Msg) int { return m.Size() - len(m.Subject) - len(m.Reply) }
