package gateway

import (
	"net"
	"net/http"
	"net/url"
	"strconv"

	networking "istio.io/api/networking/v1"
)

// redirect is where a rule sends the client instead. Empty parts are those of
// the request.
type redirect struct {
	scheme, authority, path string
	port                    uint32
	status                  int
}

// redirect reads Istio's; it is false if it asks for what is not followed.
func (c *compiler) redirect(in *networking.HTTPRedirect) (*redirect, bool) {
	out := &redirect{scheme: in.Scheme, authority: in.Authority, path: in.Uri, port: in.GetPort(), status: int(in.RedirectCode)}
	if out.status == 0 {
		out.status = http.StatusMovedPermanently
	}
	known := out.scheme == "" || out.scheme == "http" || out.scheme == "https"
	return out, known && out.status >= 300 && out.status < 400
}

// answer sends the client on. Without a port of its own the target has the one
// of its scheme, not that of the request: they are two listeners.
func (d *redirect) answer(w http.ResponseWriter, r *http.Request) {
	to := url.URL{Scheme: d.scheme, Host: d.authority, Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
	if to.Scheme == "" {
		to.Scheme = schemeOf(r)
	}
	if to.Host == "" {
		to.Host = r.Host
		if to.Scheme != schemeOf(r) {
			to.Host = bare(r.Host)
		}
	}
	if d.port != 0 {
		to.Host = net.JoinHostPort(bare(to.Host), strconv.Itoa(int(d.port)))
	}
	if d.path != "" {
		to.Path, to.RawPath = d.path, ""
	}
	w.Header().Set("Location", to.String())
	w.WriteHeader(d.status)
}
