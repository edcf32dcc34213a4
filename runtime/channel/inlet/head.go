package inlet

import (
	"bytes"
	"net/http"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// head is a request that is plain: POST, HTTP/1.1, a path without escapes, one
// Host, one Content-Length, and no header that changes how the message or the
// connection is to be read.
type head struct {
	host, path string
	header     http.Header // without Host, names as net/http spells them
	values     []string    // what header's slices are cut from
	length     int         // of the body
	size       int         // of the head itself
}

const (
	requestLine = "POST "
	version     = " HTTP/1.1"
	lineEnd     = "\r\n"
	headEnd     = "\r\n\r\n"
)

// parse reads the head that b begins with; false where it is not whole, or not
// plain. What h had before is overwritten.
func (h *head) parse(b []byte) bool {
	if !bytes.HasPrefix(b, []byte(requestLine)) {
		return false
	}
	end := bytes.Index(b, []byte(headEnd))
	if end < 0 {
		return false
	}
	text := string(b[:end])
	clear(h.header)
	h.host, h.length, h.size, h.values = "", -1, end+len(headEnd), h.values[:0]
	line, text, _ := strings.Cut(text, lineEnd)
	path, ok := strings.CutSuffix(line[len(requestLine):], version)
	if h.path = path; !ok || !plainPath(path) {
		return false
	}
	for text != "" {
		line, text, _ = strings.Cut(text, lineEnd)
		if !h.field(line) {
			return false
		}
	}
	return h.host != "" && h.length >= 0
}

// field reads one header line; false where it is not plain.
func (h *head) field(line string) bool {
	name, value, ok := strings.Cut(line, ":")
	if !ok {
		return false
	}
	value = strings.Trim(value, " \t")
	if !httpguts.ValidHeaderFieldValue(value) {
		return false
	}
	name, ok = canonical(name)
	if !ok {
		return false
	}
	switch name {
	case "Host":
		if h.host != "" || !httpguts.ValidHostHeader(value) {
			return false
		}
		h.host = value
		return true
	case "Content-Length":
		if h.length >= 0 {
			return false
		}
		if h.length, ok = number(value); !ok {
			return false
		}
	case "Connection":
		if !strings.EqualFold(value, "keep-alive") {
			return false
		}
	case "Transfer-Encoding", "Expect", "Upgrade", "Trailer":
		return false
	}
	h.add(name, value)
	return true
}

// add puts a header in without an allocation of its own, unless it is a second
// one of its name.
func (h *head) add(name, value string) {
	if have := h.header[name]; have != nil {
		h.header[name] = append(have, value)
		return
	}
	h.values = append(h.values, value)
	n := len(h.values)
	h.header[name] = h.values[n-1 : n : n]
}

// number reads a length of up to nine digits.
func number(s string) (int, bool) {
	if s == "" || len(s) > 9 {
		return 0, false
	}
	n := 0
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return n, true
}

// plainPath is one that is the same written and read.
func plainPath(s string) bool {
	if s == "" || s[0] != '/' || strings.HasPrefix(s, "//") {
		return false
	}
	for _, c := range []byte(s) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '/' || c == '-' || c == '_' || c == '.') {
			return false
		}
	}
	return true
}

// spelled has the names that events come with, as senders write them, each as
// net/http spells it.
var spelled = func() map[string]string {
	m := map[string]string{}
	for _, name := range []string{
		"Host", "Content-Length", "Content-Type", "User-Agent", "Accept", "Accept-Encoding", "Connection", "Traceparent", "Tracestate",
		"Ce-Specversion", "Ce-Id", "Ce-Source", "Ce-Type", "Ce-Subject", "Ce-Time", "Ce-Dataschema", "Ce-Partitionkey",
	} {
		m[name], m[strings.ToLower(name)] = name, name
	}
	return m
}()

// canonical spells a header's name as net/http does; false is no name.
func canonical(name string) (string, bool) {
	if c, ok := spelled[name]; ok {
		return c, true
	}
	return http.CanonicalHeaderKey(name), httpguts.ValidHeaderFieldName(name)
}
