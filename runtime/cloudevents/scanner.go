package cloudevents

import "slices"

// scanner cuts JSON that is known to be valid into members, so that a payload
// is passed on byte for byte.
type scanner struct {
	b  []byte
	at int
}

// peek is the next byte that is no white space.
func (s *scanner) peek() byte {
	for s.at < len(s.b) {
		switch c := s.b[s.at]; c {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return c
		}
	}
	return 0
}

// more tells whether a list or object goes on, and passes its comma or end.
func (s *scanner) more(end byte) bool {
	switch s.peek() {
	case end, 0:
		s.at++
		return false
	case ',':
		s.at++
		s.peek()
	}
	return true
}

// members cuts the object that the scanner stands before.
func (s *scanner) members() ([]member, error) {
	if s.peek() != '{' {
		return nil, badf("an event is a JSON object; this begins with %q", s.peek())
	}
	s.at++
	list := make([]member, 0, 12)
	for s.more('}') {
		name := memberName(s.value())
		s.peek()
		s.at++ // the colon
		s.peek()
		if slices.ContainsFunc(list, func(m member) bool { return m.name == name }) {
			return nil, badf("member %q is there twice", name)
		}
		list = append(list, member{name: name, value: s.value()})
	}
	return list, nil
}

// memberName is text for names, of which those that most events have cost
// nothing.
func memberName(quoted []byte) string {
	switch string(quoted[1 : len(quoted)-1]) {
	case "specversion":
		return "specversion"
	case "id":
		return "id"
	case "source":
		return "source"
	case "type":
		return "type"
	case "subject":
		return "subject"
	case "time":
		return "time"
	case "datacontenttype":
		return "datacontenttype"
	case "data":
		return "data"
	}
	return text(quoted)
}

// value passes one value.
func (s *scanner) value() []byte {
	from := s.at
	switch s.b[s.at] {
	case '"':
		s.text()
	case '{', '[':
		s.composite()
	default:
		for s.at < len(s.b) && !ends(s.b[s.at]) {
			s.at++
		}
	}
	return s.b[from:s.at:s.at]
}

func ends(c byte) bool {
	return c == ',' || c == '}' || c == ']' || c == ' ' || c == '\t' || c == '\r' || c == '\n'
}

func (s *scanner) text() {
	for s.at++; s.b[s.at] != '"'; s.at++ {
		if s.b[s.at] == '\\' {
			s.at++
		}
	}
	s.at++
}

func (s *scanner) composite() {
	for depth := 0; ; {
		switch s.b[s.at] {
		case '"':
			s.text()
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		s.at++
		if depth == 0 {
			return
		}
	}
}
