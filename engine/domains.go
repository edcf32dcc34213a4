package engine

import (
	"slices"

	"github.com/sluice-dev/sluice/engine/render"
	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

// holdDomains leaves domains that several mappings ask for with whoever has
// them. Who that is stands on the VirtualServices, and is remembered should
// one of them be lost.
func (e *Engine) holdDomains() {
	held := map[string]string{}
	var live []desired.Domain
	for _, host := range e.directory.Contested() {
		namespace, known := e.held[host]
		if !known {
			if live == nil {
				live = e.liveDomains()
			}
			if i := slices.IndexFunc(live, func(m desired.Domain) bool { return m.Host == host }); i >= 0 {
				namespace = live[i].Namespace
			}
		}
		e.directory.Hold(host, namespace)
		held[host] = e.directory.Holder(host)
	}
	e.held = held
}

// keepDomains lists those whose mappings have errors as they are in the
// cluster: a slip of the pen takes no domain away.
func (e *Engine) keepDomains(d *render.Directory) {
	isMapping := func(id schema.Identity) bool { return id.Kind == "DomainMapping" }
	if !slices.ContainsFunc(e.tree.Broken, isMapping) {
		return
	}
	for _, m := range e.liveDomains() {
		if slices.Contains(e.tree.Broken, m.Claim) {
			d.AddDomain(m)
		}
	}
}

// liveDomains are the domains that routes have in the cluster, read back from
// their VirtualServices.
func (e *Engine) liveDomains() []desired.Domain {
	out := []desired.Domain{}
	if e.cfg.Observer == nil { // offline: nobody has anything
		return out
	}
	for id, object := range e.cfg.Observer.Live() {
		if id.Kind == "VirtualService" && object.Ours {
			out = append(out, render.ReadDomains(object.JSON, pairs(object.Annotations[contract.AnnotationDomains]), schema.ParseIdentity(object.Unit))...)
		}
	}
	return out
}
