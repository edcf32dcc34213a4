package node

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"path/filepath"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sluice-dev/sluice/cmd/sluice-local/node/shim"
)

// pod is one pod's life: address, volumes, init containers, containers, end.
type pod struct {
	node *Node
	uid  types.UID
	log  *slog.Logger
	dir  string
	seen time.Time // when the node first saw the pod
	// names are the ConfigMaps and Secrets that wake this pod.
	names   map[string]bool
	related notice
	// ctx ends with the pod, whatever it was doing.
	ctx    context.Context //nolint:containedctx // the pod is a task, and this is its end
	cancel context.CancelFunc

	ending   *flag     // the containers are to end
	grace    *deadline // and must have ended by then
	deleting *flag     // the API wants to be rid of the pod
	gone     *flag     // the API is rid of the pod
	left     *flag     // the node goes, the pod stays

	containers []*container // those of init first
	background sync.WaitGroup
	tokens     tokenCache
	report     *reporter

	mu       sync.Mutex // guards the below
	obj      *corev1.Pod
	started  time.Time
	ip       string
	ports    portMap
	volumes  map[string]volume
	prepared bool
	over     bool   // nothing runs any more, nor will
	reason   string // why the pod failed, if not by its containers
	message  string
}

func newPod(n *Node, obj *corev1.Pod) *pod {
	ctx, cancel := context.WithCancel(context.Background())
	p := &pod{
		node: n, uid: obj.UID, obj: obj, ctx: ctx, cancel: cancel,
		log:    n.log.With("pod", obj.Namespace+"/"+obj.Name),
		dir:    filepath.Join(n.podsDir(), string(obj.UID)),
		names:  named(obj),
		ending: newFlag(), grace: newDeadline(), deleting: newFlag(), gone: newFlag(), left: newFlag(),
		seen:    time.Now(),
		started: time.Now(),
		tokens:  tokenCache{from: api{n.cfg.Client}, known: map[string]issued{}},
	}
	if obj.Status.StartTime != nil {
		p.started = obj.Status.StartTime.Time
	}
	p.report = newReporter(p)
	for i := range obj.Spec.InitContainers {
		p.containers = append(p.containers, newContainer(p, &obj.Spec.InitContainers[i], true))
	}
	for i := range obj.Spec.Containers {
		p.containers = append(p.containers, newContainer(p, &obj.Spec.Containers[i], false))
	}
	return p
}

// run is the pod's life. It ends when the API or the node no longer has the pod.
func (p *pod) run() {
	defer p.node.forget(p)
	defer p.cancel()
	var reporting sync.WaitGroup
	reporting.Go(func() { p.report.run(p.ctx) })
	defer reporting.Wait()
	defer p.cancel()
	switch {
	case isTerminal(p.current()): // an earlier run of the node has seen it end
	case p.beyondRepair():
		p.fail("NodeStopped", "The node stopped while the pod ran, and its init containers must not run twice")
	case p.begin():
		p.runContainers()
	}
	p.finish()
}

// begin gives the pod what its containers share. False means that the pod is to
// end before it had it.
func (p *pod) begin() bool {
	if p.ending.raised() {
		return false
	}
	if err := p.takeNetwork(); err != nil {
		p.fail("NetworkNotReady", err.Error())
		return false
	}
	p.report.changed()
	p.armDeadline()
	wait := backoff{first: p.node.timing.configFirst, max: p.node.timing.configMax}
	for {
		changed := p.related.next()
		refresh, err := p.prepare()
		if err == nil {
			p.setPrepared()
			p.background.Go(func() { p.refreshVolumes(refresh) })
			return true
		}
		if p.ctx.Err() == nil {
			p.node.events.warning(of(p.current(), ""), reasonFailedMount, "%s", err)
		}
		p.waitAll("CreateContainerConfigError", err.Error())
		if !p.sleep(max(wait.next(0), wait.first), changed) {
			return false
		}
	}
}

// sleep waits; false means that the pod is to end.
func (p *pod) sleep(d time.Duration, early <-chan struct{}) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-early:
	case <-p.ending.ch:
		return false
	}
	return true
}

// takeNetwork gets the pod its address, the same as before if it had one, and
// its ports.
func (p *pod) takeNetwork() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var err error
	if p.ip, err = p.node.addresses.take(p.obj.Status.PodIP); err != nil {
		return err
	}
	p.ports, err = mapPorts(p.obj, p.node.ports.take)
	return err
}

func (p *pod) setPrepared() {
	p.mu.Lock()
	p.prepared = true
	p.mu.Unlock()
	p.report.changed()
}

// waitAll says of every container that has not begun why it waits.
func (p *pod) waitAll(reason, message string) {
	for _, c := range p.containers {
		c.change(func(s *corev1.ContainerStatus) {
			if s.State.Running == nil && s.State.Terminated == nil {
				s.State = waiting(reason, message)
			}
		})
	}
}

// runContainers runs the init containers one after the other, then the others
// side by side. Sidecars run from their turn on, until the others are done.
func (p *pod) runContainers() {
	var sidecars []*container
	defer func() {
		for i := len(sidecars) - 1; i >= 0; i-- {
			sidecars[i].end.raise()
			<-sidecars[i].done.ch
		}
	}()
	for _, c := range p.containers {
		switch {
		case p.ending.raised():
			return
		case c.sidecar:
			sidecars = append(sidecars, c)
			go c.run()
			select {
			case <-c.begun.ch:
			case <-c.done.ch:
			case <-p.ending.ch:
			}
		case c.init:
			go c.run()
			<-c.done.ch
			if !c.succeeded() {
				return
			}
		}
	}
	p.runMain()
}

func (p *pod) runMain() {
	for _, c := range p.containers {
		if !c.init {
			go c.run()
		}
	}
	for _, c := range p.containers {
		if !c.init {
			<-c.done.ch
		}
	}
}

// update takes in what the API says of the pod.
func (p *pod) update(obj *corev1.Pod) {
	p.mu.Lock()
	old := p.obj
	p.obj = obj
	p.mu.Unlock()
	if obj.DeletionTimestamp != nil {
		p.deleting.raise()
		p.terminate(graceOf(obj))
	}
	p.report.changed()
	if now := obj.Spec.ActiveDeadlineSeconds; now != nil && (old.Spec.ActiveDeadlineSeconds == nil || *now != *old.Spec.ActiveDeadlineSeconds) {
		p.armDeadline() // it may be set, or shortened, while the pod runs
	}
	if !maps.Equal(old.Labels, obj.Labels) || !maps.Equal(old.Annotations, obj.Annotations) {
		p.related.wake() // files may show them
	}
}

// vanish ends a pod that is no longer in the API.
func (p *pod) vanish(obj *corev1.Pod) {
	p.gone.raise()
	p.terminate(graceOf(obj))
}

// leave ends the pod's processes; the pod itself stays in the API.
func (p *pod) leave() {
	p.left.raise()
	p.terminate(min(graceOf(p.current()), p.node.timing.shutdownGrace))
}

// terminate ends the containers within grace, or within less if it was asked
// for less before.
func (p *pod) terminate(grace time.Duration) {
	p.grace.within(grace)
	p.ending.raise()
}

// graceOf is how long a pod may take to end; as with the kubelet, never less
// than a second.
func graceOf(obj *corev1.Pod) time.Duration {
	seconds := or(obj.Spec.TerminationGracePeriodSeconds, corev1.DefaultTerminationGracePeriodSeconds)
	if obj.DeletionGracePeriodSeconds != nil {
		seconds = *obj.DeletionGracePeriodSeconds
	}
	return time.Duration(max(seconds, 1)) * time.Second
}

// fail ends the pod for a reason of its own.
func (p *pod) fail(reason, message string) {
	p.mu.Lock()
	p.reason, p.message = reason, message
	p.mu.Unlock()
	p.terminate(graceOf(p.current()))
}

// armDeadline ends the pod when its activeDeadlineSeconds are over.
func (p *pod) armDeadline() {
	seconds := p.current().Spec.ActiveDeadlineSeconds
	if seconds == nil {
		return
	}
	left := time.Until(p.started.Add(time.Duration(*seconds) * time.Second))
	t := time.AfterFunc(max(left, 0), func() {
		p.node.events.normal(of(p.current(), ""), reasonDeadline, "Pod was active on the node longer than the specified deadline")
		p.fail(reasonDeadline, "Pod was active on the node longer than the specified deadline")
	})
	context.AfterFunc(p.ctx, func() { t.Stop() })
}

// finish gives back what the pod had, tells its end, and stays until the API is
// rid of it.
func (p *pod) finish() {
	p.ending.raise()
	p.grace.cancel()
	p.background.Wait()
	p.giveBack()
	if p.left.raised() {
		return
	}
	p.mu.Lock()
	p.over = true
	p.mu.Unlock()
	p.report.changed()
	select {
	case <-p.deleting.ch:
	case <-p.gone.ch:
	case <-p.left.ch:
		return
	}
	if !p.gone.raised() {
		p.report.last(p.ctx, p.left.ch)
	}
	if err := p.removeLogs(); err != nil {
		p.log.Warn("logs cannot be removed", "err", err)
	}
}

func (p *pod) giveBack() {
	p.mu.Lock()
	ip, ports := p.ip, p.ports
	p.mu.Unlock()
	p.node.addresses.release(ip)
	for _, port := range ports {
		p.node.ports.release(int(port))
	}
	if err := shim.Remove(p.dir); err != nil {
		p.log.Warn("directory cannot be removed", "err", err)
	}
}

// current is the pod as the API has it.
func (p *pod) current() *corev1.Pod {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.obj
}

var errEnding = errors.New("the pod is ending")
