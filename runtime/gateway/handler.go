package gateway

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/sluice-dev/sluice/runtime/proxy"
	"github.com/sluice-dev/sluice/schema/contract"
)

// Config of a Handler. Table and Next are required.
type Config struct {
	// Table knows the routes.
	Table *Table
	// Next gets the request, with the headers that name its revision.
	Next http.Handler
	// Mesh serves the hosts of cluster-local routes too. Only for a listener that
	// the outside cannot reach, or on one machine. Default false.
	Mesh bool
	// TrustHeaders believes a request that names its revision itself. Only for a
	// listener that nobody but an ingress of ours, which sets them, can reach.
	// Default false: what a client sends under these names is thrown away.
	TrustHeaders bool
	// Synced tells whether the table is complete; until then an unknown host is
	// answered 503, not 404. Default: it always is.
	Synced func() bool
}

// Handler is the gateway. It is safe for concurrent use.
type Handler struct{ cfg Config }

// New builds a Handler. It starts nothing.
func New(cfg Config) (*Handler, error) {
	if cfg.Table == nil || cfg.Next == nil {
		return nil, errors.New("gateway: Table and Next are required")
	}
	return &Handler{cfg: cfg}, nil
}

// ServeHTTP finds the route and hands the request on.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.cfg.TrustHeaders && len(r.Header[contract.HeaderRevision]) == 1 && len(r.Header[contract.HeaderNamespace]) == 1 {
		h.cfg.Next.ServeHTTP(w, r)
		return
	}
	delete(r.Header, contract.HeaderNamespace)
	delete(r.Header, contract.HeaderRevision)
	if len(r.Header["Connection"]) > 0 {
		proxy.DropNominated(r.Header)
	}
	rule, err := h.rule(r)
	switch {
	case err != nil:
		proxy.Answer(w, r, err)
	case rule.redirect != nil:
		rule.redirect.answer(w, r)
	default:
		rule.pick().apply(r)
		h.cfg.Next.ServeHTTP(w, r)
	}
}

// rule is the one that applies to r; it has a redirect or a destination.
func (h *Handler) rule(r *http.Request) (*rule, error) {
	rs := h.cfg.Table.find(r.Host)
	if rs == nil || !rs.external && !h.cfg.Mesh {
		return nil, h.unknown(r.Host)
	}
	rule := rs.match(r)
	switch {
	case rule == nil:
		return nil, &proxy.Error{Status: http.StatusNotFound, Text: fmt.Sprintf("no route of host %q matches the request; see `sluice status`", r.Host)}
	case rule.refuses != "":
		return nil, &proxy.Error{Status: http.StatusNotImplemented, Text: rule.refuses}
	case rule.redirect == nil && len(rule.destinations) == 0:
		return nil, &proxy.Error{Status: http.StatusServiceUnavailable, RetryAfter: time.Second,
			Text: fmt.Sprintf("no revision behind host %q is ready yet; see `sluice status`", r.Host)}
	}
	return rule, nil
}

func (h *Handler) unknown(host string) error {
	if h.cfg.Synced != nil && !h.cfg.Synced() {
		return &proxy.Error{Status: http.StatusServiceUnavailable, RetryAfter: time.Second, Text: "the gateway is starting and does not know its routes yet"}
	}
	return &proxy.Error{Status: http.StatusNotFound, Text: fmt.Sprintf("no service answers at host %q; `sluice status` lists those that do", host)}
}
