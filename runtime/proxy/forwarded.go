package proxy

import (
	"math/rand/v2"
	"net/http"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// clientIP is the address in r.RemoteAddr without port, brackets or zone.
func clientIP(r *http.Request) string {
	ip := r.RemoteAddr
	if i := strings.LastIndexByte(ip, ':'); i >= 0 {
		ip = ip[:i]
	}
	if len(ip) > 1 && ip[0] == '[' {
		ip = ip[1 : len(ip)-1]
	}
	if i := strings.IndexByte(ip, '%'); i >= 0 {
		ip = ip[:i]
	}
	return ip
}

// origin is what the proxy tells the app about where a request came from.
type origin struct{ ip, proto, host string }

func (p *Proxy) originOf(r *http.Request) origin {
	o := origin{ip: clientIP(r), proto: "http", host: r.Host}
	if r.TLS != nil {
		o.proto = "https"
	}
	if p.cfg.TrustForwarded {
		if v := r.Header["X-Forwarded-Proto"]; len(v) > 0 {
			o.proto = v[0]
		}
		if v := r.Header["X-Forwarded-Host"]; len(v) > 0 {
			o.host = v[0]
		}
	}
	return o
}

// appendFor appends the X-Forwarded-For list: who was before us, then the client.
func (o origin) appendFor(b []byte, before []string) []byte {
	for _, v := range before {
		b = append(append(b, v...), ", "...)
	}
	return append(b, o.ip...)
}

// appendForwarded appends the value of RFC 7239's Forwarded.
func (o origin) appendForwarded(b []byte, before []string) []byte {
	for _, v := range before {
		b = append(append(b, v...), ", "...)
	}
	b = append(b, "for="...)
	if strings.IndexByte(o.ip, ':') >= 0 {
		b = append(append(append(b, `"[`...), o.ip...), `]"`...)
	} else {
		b = appendValue(b, o.ip)
	}
	if o.host != "" {
		b = appendValue(append(b, ";host="...), o.host)
	}
	return appendValue(append(b, ";proto="...), o.proto)
}

// appendValue appends s as a token, or quoted where it is none.
func appendValue(b []byte, s string) []byte {
	if s != "" && strings.IndexFunc(s, func(c rune) bool { return !httpguts.IsTokenRune(c) }) < 0 {
		return append(b, s...)
	}
	b = append(b, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, s[i])
	}
	return append(b, '"')
}

// appendTraceparent appends a fresh W3C trace context (version 00).
func (p *Proxy) appendTraceparent(b []byte) []byte {
	b = append(b, "00-"...)
	b = appendHex(b, rand.Uint64()|1) // an id of zeros is not allowed
	b = appendHex(b, rand.Uint64())
	b = append(b, '-')
	b = appendHex(b, rand.Uint64()|1)
	if p.cfg.Unsampled {
		return append(b, "-00"...)
	}
	return append(b, "-01"...)
}

func appendHex(b []byte, v uint64) []byte {
	const digits = "0123456789abcdef"
	for shift := 60; shift >= 0; shift -= 4 {
		b = append(b, digits[v>>shift&15])
	}
	return b
}
