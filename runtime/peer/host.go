package peer

import (
	"fmt"
	"net/http"
	"net/netip"
	"time"

	"github.com/sluice-dev/sluice/runtime/activator"
	"github.com/sluice-dev/sluice/schema/contract"
)

// host answers one other activator.
type host struct {
	name  string
	link  *link
	guest *activator.Guest

	// What it said last about what it holds; the Peers' mu guards it.
	round, view uint64
}

// ServeHTTP takes the connection of another activator, and keeps it. Who has
// not the address of an activator's Pod is sent away.
func (p *Peers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := r.Header.Get(contract.HeaderPeer)
	if r.Header.Get("Upgrade") != protocol || !p.knows(name, r.RemoteAddr) {
		http.Error(w, "only other activators are answered here", http.StatusForbidden)
		return
	}
	nc, brw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "this connection cannot be upgraded", http.StatusNotImplemented)
		return
	}
	_ = nc.SetDeadline(time.Now().Add(dialTimeout)) // fails only where what follows does
	if _, err := fmt.Fprintf(nc, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n", protocol); err != nil {
		_ = nc.Close()
		return
	}
	_ = nc.SetDeadline(time.Time{})
	p.lendTo(&host{name: name, link: newLink(nc, brw.Reader)})
}

// knows tells whether name is another activator's, at this address, and this
// one is ready for it.
func (p *Peers) knows(name, remote string) bool {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	k := p.known[name]
	return p.serving && !p.leaving && k != nil && k.addr == at.Addr().Unmap()
}

// lendTo answers until the link ends.
func (p *Peers) lendTo(h *host) {
	p.mu.Lock()
	if !p.serving {
		p.mu.Unlock()
		h.link.close()
		return
	}
	h.guest = p.activator.Guest(func(id uint64, r activator.Reply) { h.link.send(replyFrame(id, r)) })
	p.hosts[h] = struct{}{}
	p.work.Go(h.link.write)
	p.work.Add(1)
	p.changed(true)
	p.mu.Unlock()
	defer p.work.Done()
	err := h.link.read(func(f *frame) error { return p.asked(h, f) })
	p.cfg.Log.Debug("an activator hung up", "activator", h.name, "reason", err)
	h.guest.Leave()
	p.mu.Lock()
	delete(p.hosts, h)
	p.settle()
	p.mu.Unlock()
}

// asked does what another activator says.
func (p *Peers) asked(h *host, f *frame) error {
	switch f.kind {
	case ask:
		h.guest.Ask(f.id, activator.Asking{Key: f.key, Waited: f.after, Bytes: int64(f.n), Again: f.flags&flagAgain != 0, Insist: f.flags&flagInsist != 0})
	case cancel:
		h.guest.Cancel(f.id)
	case release:
		h.guest.Release(f.key, f.pod)
	case doubt:
		h.guest.Doubt(f.key, f.pod)
	case hold:
		h.guest.Hold(f.key, f.pod, int(f.n))
	case forget:
		h.guest.Forget(f.key)
	case told:
		p.mu.Lock()
		defer p.mu.Unlock()
		h.round, h.view = f.id, f.n
		p.settle()
	default:
		return fmt.Errorf("%w: an activator that asks does not say %d", errFrame, f.kind)
	}
	return nil
}
