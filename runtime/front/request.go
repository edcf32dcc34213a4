package front

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// read makes b the connection's request; false if it is not a plain one.
func (c *conn) read(b []byte) bool {
	*c.req = *c.blank
	clear(c.header)
	c.req.Header, c.req.RemoteAddr = c.header, c.peer
	return parse(b, c.req, &c.url)
}

// parse reads the request that b is, whole, into r, whose Header is empty, and
// its target into u. It is false for whatever is not plain, right or wrong; what it
// accepts, [http.ReadRequest] accepts and understands alike (a fuzz test says so).
func parse(b []byte, r *http.Request, u *url.URL) bool {
	end := bytes.Index(b, []byte("\r\n\r\n"))
	if end < 0 {
		return false
	}
	line, fields, _ := strings.Cut(string(b[:end+2]), "\r\n")
	return parseLine(line, r) && parseTarget(r.RequestURI, u) && parseFields(fields, r) && parseBody(b[end+4:], r, u)
}

// parseLine reads the request line. A method is a token, as a header's name is.
func parseLine(line string, r *http.Request) bool {
	method, rest, ok := strings.Cut(line, " ")
	target, version, ok2 := strings.Cut(rest, " ")
	if !ok || !ok2 || version != "HTTP/1.1" || !httpguts.ValidHeaderFieldName(method) || method == http.MethodConnect || method == "PRI" {
		return false
	}
	r.Method, r.RequestURI, r.Proto, r.ProtoMajor, r.ProtoMinor = method, target, version, 1, 1
	return true
}

// parseTarget reads a target in origin form.
func parseTarget(target string, u *url.URL) bool {
	if target == "" || target[0] != '/' {
		return false
	}
	path, query, asked := strings.Cut(target, "?")
	*u = url.URL{Path: path, RawQuery: query, ForceQuery: asked && query == ""}
	for i := range len(path) {
		if !unreserved(path[i]) { // something that may need decoding
			parsed, err := url.ParseRequestURI(target)
			if err != nil {
				return false
			}
			*u = *parsed
			break
		}
	}
	for i := range len(target) {
		if target[i] <= ' ' || target[i] >= 0x7f {
			return false
		}
	}
	return true
}

// unreserved tells whether c stands for itself in a path: RFC 3986 section 2.3,
// and the slash.
func unreserved(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return c == '/' || c == '-' || c == '.' || c == '_' || c == '~'
}

// parseFields reads the header lines.
func parseFields(s string, r *http.Request) bool {
	values := make([]string, 0, strings.Count(s, "\n"))
	for s != "" {
		var line string
		line, s, _ = strings.Cut(s, "\r\n")
		key, value, ok := strings.Cut(line, ":")
		value = strings.Trim(value, " \t")
		if !ok || !httpguts.ValidHeaderFieldName(key) || !httpguts.ValidHeaderFieldValue(value) {
			return false
		}
		key = http.CanonicalHeaderKey(key)
		if !plain(key, value) {
			return false
		}
		if have, twice := r.Header[key]; twice {
			r.Header[key] = append(have, value)
			continue
		}
		values = append(values, value)
		n := len(values)
		r.Header[key] = values[n-1 : n : n]
	}
	hosts := r.Header["Host"]
	if len(hosts) != 1 || hosts[0] == "" || !httpguts.ValidHostHeader(hosts[0]) {
		return false
	}
	r.Host = hosts[0]
	delete(r.Header, "Host")
	return true
}

// plain tells whether a header asks for nothing that is net/http's business.
func plain(key, value string) bool {
	switch key {
	case "Expect", "Upgrade", "Transfer-Encoding", "Te", "Trailer", "Pragma":
		return false
	case "Connection":
		return strings.EqualFold(value, "keep-alive")
	}
	return true
}

// parseBody takes what follows the head for the body, if it is exactly that.
func parseBody(rest []byte, r *http.Request, u *url.URL) bool {
	r.URL, r.Body = u, http.NoBody
	announced := r.Header["Content-Length"]
	if len(announced) == 0 {
		return len(rest) == 0
	}
	n, err := strconv.ParseUint(announced[0], 10, 31)
	if len(announced) > 1 || err != nil || int(n) != len(rest) {
		return false
	}
	r.ContentLength = int64(n)
	if n > 0 {
		r.Body = &body{bytes.Clone(rest)}
	}
	return true
}

// body is a request's body. It is the request's own: who sends it on may read on
// when the handler has returned.
type body struct{ rest []byte }

// Read implements io.Reader.
func (b *body) Read(to []byte) (int, error) {
	if len(b.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(to, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

// Close implements io.Closer.
func (b *body) Close() error { return nil }
