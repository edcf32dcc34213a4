package proxy

import (
	"net/http"
	"slices"
	"strconv"
)

// appendHead appends the request's head as the app gets it, in HTTP/1.1.
func (p *Proxy) appendHead(b []byte, r *http.Request, uri, upgrade string) []byte {
	b = append(append(append(append(b, r.Method...), ' '), uri...), " HTTP/1.1\r\nHost: "...)
	b = append(append(b, r.Host...), "\r\n"...)
	dropped := nominated(r.Header)
	for key, values := range r.Header {
		if passes(key, dropped) {
			for _, v := range values {
				b = appendField(b, key, v)
			}
		}
	}
	b = p.appendOrigin(b, r, dropped)
	if upgrade != "" {
		b = appendField(append(b, "Connection: Upgrade\r\n"...), "Upgrade", upgrade)
	}
	if wantsTrailers(r.Header) {
		b = append(b, "Connection: TE\r\nTE: trailers\r\n"...)
	}
	b = appendFraming(b, r)
	return append(b, "\r\n"...)
}

func appendField(b []byte, key, value string) []byte {
	return append(append(append(append(b, key...), ": "...), value...), "\r\n"...)
}

// appendOrigin appends Forwarded, its X- forerunners and, where none passes, a
// trace context.
func (p *Proxy) appendOrigin(b []byte, r *http.Request, dropped []string) []byte {
	o := p.originOf(r)
	b = append(o.appendFor(append(b, "X-Forwarded-For: "...), r.Header["X-Forwarded-For"]), "\r\n"...)
	b = appendField(b, "X-Forwarded-Proto", o.proto)
	b = appendField(b, "X-Forwarded-Host", o.host)
	b = append(o.appendForwarded(append(b, "Forwarded: "...), r.Header["Forwarded"]), "\r\n"...)
	if len(r.Header["Traceparent"]) == 0 || slices.Contains(dropped, "Traceparent") {
		b = append(p.appendTraceparent(append(b, "Traceparent: "...)), "\r\n"...)
	}
	return b
}

// appendFraming appends how long the body is.
func appendFraming(b []byte, r *http.Request) []byte {
	switch {
	case r.ContentLength > 0:
		b = strconv.AppendInt(append(b, "Content-Length: "...), r.ContentLength, 10)
		return append(b, "\r\n"...)
	case r.ContentLength < 0:
		for name := range r.Trailer {
			if trails(name) {
				b = appendField(b, "Trailer", name)
			}
		}
		return append(b, "Transfer-Encoding: chunked\r\n"...)
	case r.Method == http.MethodPost || r.Method == http.MethodPut || r.Method == http.MethodPatch,
		len(r.Header["Content-Length"]) > 0:
		return append(b, "Content-Length: 0\r\n"...)
	}
	return b
}

// replayable tells whether a request may be sent again although the app may
// have seen it: only where HTTP says that twice is the same as once.
func replayable(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return r.ContentLength == 0
	}
	return false
}
