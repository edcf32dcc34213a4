package node

import (
	"context"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-dev/sluice/cmd/sluice-local/node/probe"
	"github.com/sluice-dev/sluice/cmd/sluice-local/node/shim"
)

const (
	// lastMoment is what a process has left when its preStop hook took all the grace.
	lastMoment = 2 * time.Second
	// drainLog is how long output is waited for after everything is dead.
	drainLog = time.Second
)

// supervise stays with a run until it is over.
func (c *container) supervise(r *run) shim.Exit {
	ctx, over := context.WithCancel(c.pod.ctx)
	defer over()
	sick := make(chan string, 1)
	go c.attend(ctx, r, sick)
	ref := of(c.pod.current(), c.name)
	select {
	case <-r.proc.Done():
	case <-c.end.ch:
		over()
		c.pod.node.events.normal(ref, reasonKilling, "Stopping container %s", c.name)
		c.notReady()
		c.kill(r, c.pod.grace.passed.ch)
	case reason := <-sick:
		over()
		c.pod.node.events.normal(ref, reasonKilling, "%s", reason)
		c.notReady()
		c.killWithin(r, c.graceOfProbe())
	}
	<-r.proc.Done()
	over()
	c.closeLog(r)
	return r.proc.Exit()
}

// attend does what is to be done beside a running process: its postStart hook,
// then its probes.
func (c *container) attend(ctx context.Context, r *run, sick chan<- string) {
	spec := c.spec()
	if spec.Lifecycle != nil && spec.Lifecycle.PostStart != nil {
		if err := c.hook(ctx, spec.Lifecycle.PostStart); err != nil {
			if ctx.Err() == nil {
				c.pod.node.events.warning(of(c.pod.current(), c.name), reasonFailedPostStart, "PostStartHook failed: %s", err)
				report(sick, "FailedPostStartHook")
			}
			return
		}
	}
	c.watchOver(ctx, sick)
}

// notReady takes a container that is going to end out of service.
func (c *container) notReady() {
	c.change(func(s *corev1.ContainerStatus) { s.Ready = false })
}

// graceOfProbe is how long a sick container may take to end.
func (c *container) graceOfProbe() time.Duration {
	spec := c.spec()
	for _, p := range []*corev1.Probe{spec.LivenessProbe, spec.StartupProbe} {
		if p != nil && p.TerminationGracePeriodSeconds != nil {
			return time.Duration(max(*p.TerminationGracePeriodSeconds, 1)) * time.Second
		}
	}
	return graceOf(c.pod.current())
}

func (c *container) killWithin(r *run, grace time.Duration) {
	d := newDeadline()
	d.within(grace)
	defer d.cancel()
	// The pod may have to end meanwhile, and in less time.
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-c.pod.grace.passed.ch:
			d.passed.raise()
		case <-stop:
		}
	}()
	c.kill(r, d.passed.ch)
}

// kill ends a run: preStop, a signal, and when the time is over, by force.
func (c *container) kill(r *run, expired <-chan struct{}) {
	spec := c.spec()
	if spec.Lifecycle != nil && spec.Lifecycle.PreStop != nil {
		expired = c.preStop(r, spec.Lifecycle.PreStop, expired)
	}
	r.proc.Signal(stopSignal(spec))
	select {
	case <-r.proc.Done():
		return
	case <-expired:
	}
	r.proc.Kill()
	<-r.proc.Done()
}

// preStop runs the hook within the grace, and says when that is over.
func (c *container) preStop(r *run, h *corev1.LifecycleHandler, expired <-chan struct{}) <-chan struct{} {
	ctx, cancel := context.WithCancel(c.pod.ctx)
	defer cancel()
	go func() {
		select {
		case <-expired:
		case <-r.proc.Done():
		case <-ctx.Done():
		}
		cancel()
	}()
	if err := c.hook(ctx, h); err != nil {
		c.pod.node.events.warning(of(c.pod.current(), c.name), reasonFailedPreStop, "PreStopHook failed: %s", err)
	}
	select {
	case <-expired:
		d := newDeadline()
		d.within(lastMoment)
		return d.passed.ch
	default:
		return expired
	}
}

// hook runs a lifecycle handler.
func (c *container) hook(ctx context.Context, h *corev1.LifecycleHandler) error {
	if h.Sleep != nil {
		pause(ctx, time.Duration(h.Sleep.Seconds)*time.Second)
		return nil
	}
	return probe.Check(ctx, c.target(), corev1.ProbeHandler{Exec: h.Exec, HTTPGet: h.HTTPGet, TCPSocket: h.TCPSocket})
}

// stopSignal is SIGTERM, unless the container names another.
func stopSignal(spec *corev1.Container) syscall.Signal {
	if spec.Lifecycle != nil && spec.Lifecycle.StopSignal != nil {
		if s := unix.SignalNum(string(*spec.Lifecycle.StopSignal)); s != 0 {
			return s
		}
	}
	return syscall.SIGTERM
}

// closeLog waits for what is still in the pipes.
func (c *container) closeLog(r *run) {
	drained := make(chan struct{})
	go func() {
		r.copying.Wait()
		close(drained)
	}()
	select {
	case <-drained:
	case <-time.After(drainLog):
		c.pod.log.Warn("output of a container is still open after its end", "container", c.name)
	}
	if err := r.out.Close(); err != nil {
		c.pod.log.Warn("log cannot be closed", "container", c.name, "err", err)
	}
}
