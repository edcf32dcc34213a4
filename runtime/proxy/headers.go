package proxy

import (
	"net/http"
	"net/textproto"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/sluice-dev/sluice/schema/contract"
)

// hopByHop tells whether a header (canonical) belongs to one connection alone.
func hopByHop(key string) bool {
	switch key {
	case "Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization",
		"Te", "Trailer", "Transfer-Encoding", "Upgrade", "Http2-Settings":
		return true
	}
	return false
}

// replaced tells whether the proxy writes a request header itself, or keeps it in.
func replaced(key string) bool {
	switch key {
	case "Host", "Content-Length", "Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto",
		contract.HeaderNamespace, contract.HeaderRevision:
		return true
	}
	return false
}

// nominated lists the canonical names of the headers that Connection declares
// to be hop-by-hop; nil in the usual case.
func nominated(h http.Header) []string {
	var names []string
	for _, v := range h["Connection"] {
		for token := range strings.SplitSeq(v, ",") {
			token = textproto.TrimString(token)
			switch strings.ToLower(token) {
			case "", "close", "keep-alive", "upgrade":
			default:
				names = append(names, http.CanonicalHeaderKey(token))
			}
		}
	}
	return names
}

// DropNominated removes the headers that Connection declares to be hop-by-hop:
// before headers are set which a client must not be able to have removed.
func DropNominated(h http.Header) {
	for _, name := range nominated(h) {
		if name != "Te" { // which has a meaning beside, and does not pass anyway
			delete(h, name)
		}
	}
	if up := upgradeOf(h); up != "" {
		h["Connection"] = []string{"Upgrade"}
	} else {
		delete(h, "Connection")
	}
}

// passes tells whether a request's header goes on to the app.
func passes(key string, dropped []string) bool {
	return !hopByHop(key) && !replaced(key) && !slices.Contains(dropped, key)
}

// upgradeOf is the protocol that h asks to switch to, or "".
func upgradeOf(h http.Header) string {
	up := h["Upgrade"]
	if len(up) == 0 || !httpguts.HeaderValuesContainsToken(h["Connection"], "Upgrade") {
		return ""
	}
	return up[0]
}

// upgradeAsked is the protocol that r asks to switch to, if it may, or "". A
// request with a body may not: the body and what the client says after the switch
// would reach the app side by side. Nor may one that asks for HTTP: there would
// be requests inside that nobody sees.
func upgradeAsked(r *http.Request) string {
	up := upgradeOf(r.Header)
	if up == "" || r.ContentLength != 0 {
		return ""
	}
	for name := range strings.SplitSeq(strings.ToLower(up), ",") {
		name, _, _ = strings.Cut(textproto.TrimString(name), "/")
		switch name {
		case "h2c", "h2", "http", "tls":
			return ""
		}
	}
	return up
}

// wantsTrailers tells whether the client said that it understands trailers.
func wantsTrailers(h http.Header) bool {
	return httpguts.HeaderValuesContainsToken(h["Te"], "trailers")
}

// declared lists the trailer names in a Trailer header, canonical, without
// those that may not be trailers.
func declared(values []string) []string {
	var names []string
	for _, v := range values {
		for name := range strings.SplitSeq(v, ",") {
			name = http.CanonicalHeaderKey(textproto.TrimString(name))
			if httpguts.ValidTrailerHeader(name) && name != "" {
				names = append(names, name)
			}
		}
	}
	return names
}

// trails tells whether a request's trailer goes on to the app: as little as a
// header may it say what the proxy says.
func trails(key string) bool {
	return httpguts.ValidHeaderFieldName(key) && httpguts.ValidTrailerHeader(key) && !hopByHop(key) && !replaced(key)
}

// requestURI is the target to ask the app for: as the client wrote it, or as
// the URL reads where the client wrote an absolute one (to a proxy).
//
// Of HTTP/2 net/http checks neither the method nor the authority, nor of an
// absolute target the host: they are not to say more in HTTP/1.1.
func requestURI(r *http.Request) (string, error) {
	uri := r.RequestURI
	plain := r.ProtoMajor == 1
	if uri == "" || (uri[0] != '/' && uri != "*") {
		uri, plain = r.URL.RequestURI(), false
	}
	if !plain && !httpguts.ValidHeaderFieldName(r.Method) { // a token, too
		return "", &Error{Status: http.StatusBadRequest, Text: textBadMethod}
	}
	if !plain && !httpguts.ValidHostHeader(r.Host) {
		return "", &Error{Status: http.StatusBadRequest, Text: textBadHost}
	}
	for i := range len(uri) {
		if uri[i] <= ' ' || uri[i] == 0x7f {
			return "", &Error{Status: http.StatusBadRequest, Text: textBadRequestURI}
		}
	}
	return uri, nil
}
