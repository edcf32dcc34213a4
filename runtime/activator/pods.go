package activator

import (
	"context"
	"encoding/json"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-dev/sluice/runtime/proxy"
)

// pod is one pod of a revision at one address.
type pod struct {
	endpoint // names, address and limits never change; the revision's mu guards the rest
	upstream *proxy.Upstream
	timeouts proxy.Timeouts
	limit    int          // requests at once; 0: no limit
	text     string       // of the limits, when it was needed
	lane     atomic.Int64 // requests at it while its lane is open, else shut

	// All below is guarded by the revision's mu.
	inflight int  // requests at it that we know of: our own, and those of activators that borrow here
	own      int  // of these, our own
	index    int  // in the heap of usable pods, or none
	probed   bool // our own probe succeeded
	doubted  bool // it refused a connection since
	demoted  bool // Kubernetes took Ready back: only it can give it again
	gone     bool // deleted, or at this address no longer
	stop     context.CancelFunc
}

// limitsText is the limits as JSON. The caller holds the revision's mu.
func (p *pod) limitsText() string {
	if p.text == "" {
		b, _ := json.Marshal(p.limits) // integers and a string always marshal
		p.text = string(b)
	}
	return p.text
}

func (p *pod) full() bool { return p.limit > 0 && p.inflight >= p.limit }

// wanted tells whether p may take requests.
func (p *pod) wanted() bool {
	return p.addr != "" && !p.gone && !p.terminating && !p.doubted && (p.ready || p.probed)
}

// worthProbing tells whether our own probe can make p usable.
func (p *pod) worthProbing() bool {
	return p.addr != "" && !p.gone && !p.terminating && (p.doubted || p.probeable && !p.demoted)
}

// defaultTimeout is Knative's timeoutSeconds where a revision says none.
const defaultTimeout = 300 * time.Second

func (a *Activator) newPod(e endpoint) *pod {
	p := &pod{endpoint: e, index: none, limit: int(e.limits.ContainerConcurrency)}
	p.lane.Store(shut)
	p.upstream = a.cfg.Proxy.Upstream(e.addr, e.limits.Protocol)
	p.timeouts = proxy.Timeouts{
		Total:         time.Duration(e.limits.TimeoutSeconds) * time.Second,
		ResponseStart: time.Duration(e.limits.ResponseStartTimeoutSeconds) * time.Second,
		Idle:          time.Duration(e.limits.IdleTimeoutSeconds) * time.Second,
	}
	if p.timeouts.Total == 0 {
		p.timeouts.Total = defaultTimeout
	}
	return p
}

// SetPod tells that a pod is there, or has changed. The object is not kept.
// A pod without the revision label is ignored.
func (a *Activator) SetPod(obj *corev1.Pod) {
	e, err := readEndpoint(obj)
	if err != nil {
		a.cfg.Log.Warn("pod annotations ignored", "error", err)
	}
	if e.key.Revision == "" {
		return
	}
	if e.over {
		a.forget(e.key, e.name)
		return
	}
	for !a.revisions.get(e.key).set(e) {
	}
}

// DeletePod tells that a pod is gone. What it has in flight ends as it may.
func (a *Activator) DeletePod(obj *corev1.Pod) {
	e, _ := readEndpoint(obj) // its names are all that is needed
	a.forget(e.key, e.name)
}

func (a *Activator) forget(k Key, name string) {
	v := a.revisions.find(k)
	if v == nil {
		return
	}
	v.lock()
	if p := v.pods[name]; p != nil {
		v.detach(p)
		v.askForPod()
	}
	v.unlock()
	a.revisions.retire(v)
}

// set brings the pod up to what e says. It is false if v is forgotten already.
func (v *revision) set(e endpoint) bool {
	v.lock()
	defer v.unlock()
	if v.retired {
		return false
	}
	if e.service != "" {
		v.service = e.service
	}
	p := v.pods[e.name]
	if p != nil && p.uid != e.uid {
		v.loans.drop(e.name)
	}
	if p != nil && (p.uid != e.uid || p.addr != e.addr || p.limits != e.limits) {
		v.detach(p)
		p = nil
	}
	if p == nil {
		p = v.owner.newPod(e)
		p.inflight = v.loans.at(e.name)
		v.pods[e.name] = p
	}
	if e.restarts != p.restarts {
		p.probed, p.demoted = false, false
	} else if p.ready && !e.ready {
		p.probed, p.demoted = false, true
	}
	if e.ready {
		p.demoted = false
	}
	p.ready, p.terminating, p.restarts = e.ready, e.terminating, e.restarts
	v.retire(p, e.retiring)
	p.checks, p.probeable = e.checks, e.probeable
	v.cold.sees(e)
	v.refresh(p)
	v.askForPod() // it may have been the last that was not ending
	return true
}

// detach takes a pod out of the revision; requests in flight keep it. The
// caller holds mu.
func (v *revision) detach(p *pod) {
	p.gone = true
	delete(v.pods, p.name)
	v.refresh(p)
	if p.own == 0 {
		p.upstream.Close()
	}
}

// refresh puts p where its flags say: among the usable, or under the prober.
// The caller holds mu.
func (v *revision) refresh(p *pod) {
	switch {
	case p.wanted() && p.index == none:
		v.usable.add(p)
		v.cold.reach(coldReady)
		v.wakeErr, v.told = nil, ""
		v.dispatch()
	case !p.wanted() && p.index != none:
		v.usable.remove(p)
	}
	probing := p.stop != nil
	switch need := !p.wanted() && p.worthProbing(); {
	case need && !probing:
		checks := p.checks
		if !p.probeable {
			checks = []check{tcpCheck(p.addr)}
		}
		p.stop = v.owner.spawn(func(ctx context.Context) { v.probe(ctx, p, checks) })
	case !need && probing:
		p.stop()
		p.stop = nil
	}
}

// doubt takes a pod that could not be connected to out of use, until a probe
// succeeds. (Kubernetes would find out a probe's period later.)
func (v *revision) doubt(p *pod) {
	v.lock()
	defer v.unlock()
	p.doubted, p.probed = true, false
	v.refresh(p)
	if v.loans.lender != nil {
		v.loans.lender.Doubt(v.key, p.name)
	}
}

// live counts the pods that are there to stay. The caller holds mu.
func (v *revision) live() int {
	n := 0
	for _, p := range v.pods {
		if !p.terminating {
			n++
		}
	}
	return n
}

func (v *revision) reap(now time.Time) {
	v.eachPod(func(p *pod) { p.upstream.Reap(now) })
}

func (v *revision) closeIdle() {
	v.eachPod(func(p *pod) { p.upstream.Close() })
}

// eachPod calls f for every pod, without holding the lock.
func (v *revision) eachPod(f func(*pod)) {
	v.lock()
	all := make([]*pod, 0, len(v.pods))
	for _, p := range v.pods {
		all = append(all, p)
	}
	v.unlock()
	for _, p := range all {
		f(p)
	}
}
