package peer

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-dev/sluice/runtime/activator"
	"github.com/sluice-dev/sluice/schema/contract"
)

// Config of Peers. Self is required.
type Config struct {
	// Self is the name of this activator's own Pod.
	Self string
	// From is the address of this activator's own Pod, from which it connects, so
	// that the others know it. Default: whichever the system takes.
	From netip.Addr
	// Port is where the others answer. Default contract.AdminListen.
	Port int
	// Patience is how long a new owner waits to hear what the others hold of its
	// revisions before it gives places. Default 250 ms.
	Patience time.Duration
	// Token is shown to the others. Default nil: none is.
	Token func(context.Context) (string, error)
	// Log gets what an operator acts on. Default: nothing is logged.
	Log *slog.Logger
}

// Peers are the other activators. It is safe for concurrent use.
type Peers struct {
	cfg    Config
	view   atomic.Pointer[view]
	others *others

	mu        sync.Mutex // guards what follows; taken before any other
	activator *activator.Activator
	serving   bool // since Run: before, nobody is asked and nobody let in
	leaving   bool
	known     map[string]*known // the other activators' Pods, by name
	hosts     map[*host]struct{}
	round     uint64      // counts views
	patience  *time.Timer // settles a view with which not all agree
	work      sync.WaitGroup
	ctx       context.Context
}

// known is the Pod of another activator.
type known struct {
	addr   netip.Addr
	stop   context.CancelFunc // ends the goroutine that connects; nil if there is none
	lender *lender            // while a connection stands
	leaves bool               // it has said so
}

// New makes Peers without anybody else. It starts nothing.
func New(cfg Config) (*Peers, error) {
	if cfg.Self == "" {
		return nil, errors.New("peer: Self is required")
	}
	cfg.Port = cmp.Or(cfg.Port, contract.AdminListen)
	cfg.Patience = cmp.Or(cfg.Patience, 250*time.Millisecond)
	cfg.Log = cmp.Or(cfg.Log, slog.New(slog.DiscardHandler))
	p := &Peers{cfg: cfg, others: newOthers(), known: map[string]*known{}, hosts: map[*host]struct{}{}}
	p.view.Store(newView([]member{{name: cfg.Self}}))
	return p, nil
}

// Owner is who gives the places of a revision, nil if this process does.
func (p *Peers) Owner(k activator.Key) activator.Lender { return p.view.Load().owner(k) }

// Run connects to the others until ctx ends. a is the activator, whose Owners
// is p.Owner; ready is closed when it takes requests: before, it owns nothing.
func (p *Peers) Run(ctx context.Context, a *activator.Activator, ready <-chan struct{}) error {
	select {
	case <-ready:
	case <-ctx.Done():
		return nil
	}
	p.mu.Lock()
	p.activator, p.ctx, p.serving = a, ctx, true
	for name, k := range p.known {
		p.start(name, k)
	}
	p.mu.Unlock()
	<-ctx.Done()
	p.mu.Lock()
	p.serving = false // nothing is given from now on: all links end at once
	for h := range p.hosts {
		h.link.close()
	}
	for _, k := range p.known {
		if k.lender != nil {
			k.lender.link.close()
		}
	}
	p.mu.Unlock()
	p.work.Wait()
	return nil
}

// Leave gives every revision to the others: this process is about to end. It
// borrows places for the requests that it still has.
func (p *Peers) Leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.serving || p.leaving {
		return
	}
	p.leaving = true
	for h := range p.hosts {
		h.link.send(frame{kind: leaving})
	}
	p.change()
}

// SetPod tells that an activator's Pod is there, or has changed. The object is
// not kept.
func (p *Peers) SetPod(pod *corev1.Pod) {
	if pod.Name == p.cfg.Self {
		return
	}
	over := pod.DeletionTimestamp != nil || pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
	p.others.set(pod, over)
	addr, err := netip.ParseAddr(pod.Status.PodIP)
	if err != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	k := p.known[pod.Name]
	if k != nil && (over && k.lender == nil || k.addr != addr) {
		p.forget(pod.Name, k)
		k = nil
	}
	if k == nil && !over {
		k = &known{addr: addr}
		p.known[pod.Name] = k
		p.start(pod.Name, k)
	}
}

// DeletePod tells that an activator's Pod is gone.
func (p *Peers) DeletePod(pod *corev1.Pod) {
	p.others.set(pod, true)
	p.mu.Lock()
	defer p.mu.Unlock()
	if k := p.known[pod.Name]; k != nil {
		p.forget(pod.Name, k)
	}
}

func (p *Peers) forget(name string, k *known) {
	delete(p.known, name)
	if k.stop != nil {
		k.stop()
	}
}

// start has a goroutine keep a connection to k. The caller holds mu.
func (p *Peers) start(name string, k *known) {
	if !p.serving {
		return
	}
	ctx, stop := context.WithCancel(p.ctx)
	k.stop = stop
	addr := net.JoinHostPort(k.addr.String(), strconv.Itoa(p.cfg.Port))
	p.work.Go(func() {
		defer stop()
		p.keep(ctx, name, addr, k)
	})
}

// change makes the view anew, gives and takes revisions accordingly, and has
// everybody tell what they hold. The caller holds mu.
func (p *Peers) change() { p.changed(false) }

// changed is change; met says that somebody is new, or there again.
func (p *Peers) changed(met bool) {
	if !p.serving {
		return
	}
	members := make([]member, 0, len(p.known)+1)
	for name, k := range p.known {
		if k.lender != nil && !k.leaves {
			members = append(members, member{name: name, lender: k.lender})
		}
	}
	if !p.leaving || len(members) == 0 {
		members = append(members, member{name: p.cfg.Self})
	}
	v := newView(members)
	met = p.view.Swap(v).lacks(v) || met
	p.round++
	p.cfg.Log.Info("activators share revisions", "activators", len(members), "view", v.hash)
	p.activator.Reassign(met)
	for h := range p.hosts {
		h.link.send(frame{kind: tell, id: p.round})
	}
	for _, k := range p.known {
		if k.lender != nil {
			p.told(k.lender)
		}
	}
	if p.patience != nil {
		p.patience.Stop()
	}
	round := p.round
	p.patience = time.AfterFunc(p.cfg.Patience, func() { p.give(round) })
	p.settle()
}

// told says that everything was told by now. The caller holds mu.
func (p *Peers) told(l *lender) {
	l.link.send(frame{kind: told, id: l.round, n: p.view.Load().hash})
}

// settle lets the activator give places of revisions that it gained, if all
// have told what they hold. The caller holds mu.
func (p *Peers) settle() {
	if p.patience != nil && p.agreed() {
		p.patience.Stop()
		p.patience = nil
		p.activator.Settle()
	}
}

// give gives places although not all have told: they had the time to.
func (p *Peers) give(round uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.round == round && p.patience != nil {
		p.patience = nil
		p.cfg.Log.Warn("activators do not agree on who takes part; giving places all the same")
		p.activator.Settle()
	}
}

// agreed tells whether everybody else has told what they hold, in this view.
// The caller holds mu.
func (p *Peers) agreed() bool {
	v, heard := p.view.Load(), map[string]bool{}
	for h := range p.hosts {
		if h.round != p.round || h.view != v.hash {
			return false
		}
		heard[h.name] = true
	}
	for i := range v.members {
		if m := &v.members[i]; m.lender != nil && !heard[m.name] {
			return false
		}
	}
	return true
}
