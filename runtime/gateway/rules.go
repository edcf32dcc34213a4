package gateway

import (
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// rules are a VirtualService, compiled. They never change.
type rules struct {
	external bool // reachable from outside
	list     []rule
}

// rule is one HTTP route: it applies if any of its conditions does, or has none.
type rule struct {
	conditions   []condition
	redirect     *redirect
	refuses      string // not "": asks for what is not understood, and is answered so
	destinations []destination
	total        uint32 // the sum of the weights
}

// condition applies if all its parts do.
type condition struct {
	authority, uri, method, scheme matcher
	foldURI                        bool
	headers, without, params       []keyed
}

type keyed struct {
	key   string
	value matcher
}

// matcher is Istio's StringMatch. The zero matcher matches everything.
type matcher struct {
	kind  matchKind
	text  string
	regex *regexp.Regexp
}

type matchKind int

const (
	matchAny matchKind = iota
	matchExact
	matchPrefix
	matchRegex
)

func (m *matcher) matches(s string) bool {
	switch m.kind {
	case matchAny:
		return true
	case matchExact:
		return s == m.text
	case matchPrefix:
		return strings.HasPrefix(s, m.text)
	case matchRegex:
		return m.regex.MatchString(s)
	}
	return false
}

// match is the first rule that applies to r, or nil.
func (rs *rules) match(r *http.Request) *rule {
	for i := range rs.list {
		if rs.list[i].applies(r) {
			return &rs.list[i]
		}
	}
	return nil
}

func (ru *rule) applies(r *http.Request) bool {
	for i := range ru.conditions {
		if ru.conditions[i].applies(r) {
			return true
		}
	}
	return len(ru.conditions) == 0
}

func (c *condition) applies(r *http.Request) bool {
	if c.authority.kind != matchAny && !c.authority.matches(r.Host) && !c.authority.matches(bare(r.Host)) {
		return false
	}
	if c.uri.kind != matchAny {
		path := r.URL.Path
		if c.foldURI {
			path = strings.ToLower(path)
		}
		if !c.uri.matches(path) {
			return false
		}
	}
	return c.method.matches(r.Method) && c.scheme.matches(schemeOf(r)) && c.fields(r)
}

// fields checks headers and query parameters.
func (c *condition) fields(r *http.Request) bool {
	for i := range c.headers {
		if !c.headers[i].among(r.Header[c.headers[i].key]) {
			return false
		}
	}
	for i := range c.without {
		if c.without[i].among(r.Header[c.without[i].key]) {
			return false
		}
	}
	var query url.Values
	for i := range c.params {
		if query == nil {
			query = r.URL.Query()
		}
		if !c.params[i].among(query[c.params[i].key]) {
			return false
		}
	}
	return true
}

func (k *keyed) among(values []string) bool {
	return len(values) > 0 && k.value.matches(strings.Join(values, ","))
}

// schemeOf is how the request came: a balancer before us that ends TLS says so.
// Whoever says so himself is at most not redirected.
func schemeOf(r *http.Request) string {
	if r.TLS != nil || strings.EqualFold(first(r.Header["X-Forwarded-Proto"]), "https") {
		return "https"
	}
	return "http"
}

// first is the first value of a list as proxies write them.
func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	value, _, _ := strings.Cut(values[0], ",")
	return strings.TrimSpace(value)
}

// destination is where a share of the requests goes.
type destination struct {
	weight uint32
	set    []field
	add    []field
	remove []string
	host   string // the Host that the app shall see; "": as it is
}

// field is a header with its value. The slice is shared by all requests, and
// has no room to append.
type field struct {
	key    string
	values []string
}

// pick chooses by weight. The random source is the goroutine's thread's own:
// no lock, no state that requests share, no bias.
func (ru *rule) pick() *destination {
	if len(ru.destinations) == 1 {
		return &ru.destinations[0]
	}
	n := rand.Uint32N(ru.total)
	for i := range ru.destinations {
		d := &ru.destinations[i]
		if n < d.weight {
			return d
		}
		n -= d.weight
	}
	return &ru.destinations[0] // not reached: the weights sum to total
}

// apply changes the request's headers as the route says: what is set replaces
// whatever the client sent.
func (d *destination) apply(r *http.Request) {
	for _, key := range d.remove {
		delete(r.Header, key)
	}
	for i := range d.add {
		r.Header[d.add[i].key] = append(r.Header[d.add[i].key], d.add[i].values...)
	}
	for i := range d.set {
		r.Header[d.set[i].key] = d.set[i].values
	}
	if d.host != "" {
		r.Host = d.host
	}
}
