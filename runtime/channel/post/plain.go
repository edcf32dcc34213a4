package post

import (
	"bytes"
	"strings"
)

// plain reads the answer that most subscribers give: 2xx, whole in the buffer,
// with no body and no event, the connection kept. It is the answer's status, or
// 0, and then nothing was read.
func (c *conn) plain() int {
	b, _ := c.br.Peek(c.br.Buffered())
	end := bytes.Index(b, []byte("\r\n\r\n"))
	if end < 0 {
		return 0
	}
	status := plainAnswer(b[:end])
	if status != 0 {
		_, _ = c.br.Discard(end + 4)
	}
	return status
}

// plainAnswer is the status of a head, without its end, that leaves nothing to
// be read; 0 where that is not certain.
func plainAnswer(head []byte) int {
	line, rest, _ := bytes.Cut(head, []byte("\r\n"))
	if len(line) < 12 || string(line[:10]) != "HTTP/1.1 2" || len(line) > 12 && line[12] != ' ' ||
		!digit(line[10]) || !digit(line[11]) || bytes.ContainsAny(line, unclean) {
		return 0
	}
	status := 200 + 10*int(line[10]-'0') + int(line[11]-'0')
	empty := status == 204
	for len(rest) > 0 {
		line, rest, _ = bytes.Cut(rest, []byte("\r\n"))
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok || !plainName(name) || bytes.ContainsAny(value, unclean) {
			return 0
		}
		switch {
		case len(name) == len("content-length") && strings.EqualFold(string(name), "content-length"):
			if string(bytes.Trim(value, " \t")) != "0" {
				return 0
			}
			empty = true
		case connects(name), len(name) > 3 && strings.EqualFold(string(name[:3]), "ce-"):
			return 0
		}
	}
	if !empty {
		return 0
	}
	return status
}

// unclean is what some readers take for the end of a line.
const unclean = "\r\n\x00"

// connects tells headers that change how the message or the connection is read.
func connects(name []byte) bool {
	switch len(name) {
	case len("connection"):
		return strings.EqualFold(string(name), "connection")
	case len("transfer-encoding"):
		return strings.EqualFold(string(name), "transfer-encoding")
	case len("upgrade"): // as long as trailer
		return strings.EqualFold(string(name), "upgrade") || strings.EqualFold(string(name), "trailer")
	}
	return false
}

func plainName(name []byte) bool {
	for _, c := range name {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '-' || c == '_' || digit(c)) {
			return false
		}
	}
	return len(name) > 0
}

func digit(c byte) bool { return c >= '0' && c <= '9' }
