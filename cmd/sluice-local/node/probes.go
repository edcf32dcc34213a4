package node

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/sluice-dev/sluice/cmd/sluice-local/node/probe"
)

// watcher runs one probe of one run of a container.
type watcher struct {
	c    *container
	kind string // Startup, Readiness or Liveness
	spec *corev1.Probe
	// eager asks faster than the period until the first success.
	eager bool
	// turned is told when the answer turns: true after successThreshold
	// successes, false after failureThreshold failures.
	turned func(ok bool, reason string)
}

// watchOver runs the container's probes until ctx ends. Liveness and readiness
// wait for startup. What is sick is sent to sick, once.
func (c *container) watchOver(ctx context.Context, sick chan<- string) {
	spec := c.spec()
	if spec.StartupProbe != nil && !c.startUp(ctx, spec.StartupProbe, sick) {
		return
	}
	c.startedUp(spec)
	if spec.LivenessProbe != nil {
		w := &watcher{c: c, kind: "Liveness", spec: spec.LivenessProbe, turned: func(ok bool, reason string) {
			if !ok {
				report(sick, fmt.Sprintf("Container %s failed liveness probe, will be restarted", c.name))
			}
		}}
		go w.run(ctx)
	}
	if spec.ReadinessProbe != nil {
		w := &watcher{c: c, kind: "Readiness", spec: spec.ReadinessProbe, eager: true, turned: func(ok bool, _ string) {
			if ctx.Err() == nil {
				c.change(func(s *corev1.ContainerStatus) { s.Ready = ok && s.State.Running != nil })
			}
		}}
		w.run(ctx)
	}
}

func report(sick chan<- string, reason string) {
	select {
	case sick <- reason:
	default: // it is known to be sick already
	}
}

// startUp waits for the startup probe; false means that it never succeeded.
func (c *container) startUp(ctx context.Context, spec *corev1.Probe, sick chan<- string) bool {
	ctx, over := context.WithCancel(ctx)
	defer over()
	up := false
	w := &watcher{c: c, kind: "Startup", spec: spec, eager: true, turned: func(ok bool, reason string) {
		up = ok
		if !ok {
			report(sick, fmt.Sprintf("Container %s failed startup probe, will be restarted", c.name))
		}
		over()
	}}
	w.run(ctx)
	return up
}

func (c *container) startedUp(spec *corev1.Container) {
	c.begun.raise()
	c.change(func(s *corev1.ContainerStatus) {
		if s.State.Running == nil {
			return
		}
		s.Started = new(true)
		if spec.ReadinessProbe == nil && (!c.init || c.sidecar) {
			s.Ready = true
		}
	})
}

// run asks until ctx ends.
func (w *watcher) run(ctx context.Context) {
	period := seconds(w.spec.PeriodSeconds, 10)
	rhythm := &probe.Rhythm{Period: period, First: period}
	wait := seconds(w.spec.InitialDelaySeconds, 0)
	if w.eager {
		rhythm.First = w.c.pod.node.timing.probeFirst
	} else if wait == 0 {
		wait = period // nothing is dead before it could live
	}
	var successes, failures int32
	var counted time.Time
	for pause(ctx, wait) {
		err := w.ask(ctx)
		if ctx.Err() != nil {
			return
		}
		wait = rhythm.Next(err == nil)
		if err == nil {
			successes, failures = successes+1, 0
			if successes == max(w.spec.SuccessThreshold, 1) {
				w.turned(true, "")
			}
			continue
		}
		successes = 0
		// Of the eager tries one in a period counts.
		if wait < period && time.Since(counted) < period {
			continue
		}
		if counted = time.Now(); wait >= period {
			w.unhealthy(err)
		}
		if failures++; failures == or32(w.spec.FailureThreshold, 3) {
			w.turned(false, err.Error())
		}
	}
}

func (w *watcher) unhealthy(err error) {
	w.c.pod.node.events.warning(of(w.c.pod.current(), w.c.name), reasonUnhealthy, "%s probe failed: %s", w.kind, err)
}

func (w *watcher) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, seconds(w.spec.TimeoutSeconds, 1))
	defer cancel()
	return probe.Check(ctx, w.c.target(), w.spec.ProbeHandler)
}

// target is where the container can be asked.
func (c *container) target() probe.Target {
	ip, ports := c.pod.network()
	spec := c.spec()
	return probe.Target{
		IP:   ip,
		Exec: c.execForOutput,
		Port: func(p intstr.IntOrString) (int32, error) { return portOf(spec, ports, p) },
	}
}

// portOf is the real port of a declared one, given by number or name.
func portOf(c *corev1.Container, ports portMap, p intstr.IntOrString) (int32, error) {
	if p.Type == intstr.Int {
		return ports.real(p.IntVal), nil
	}
	var names []string
	for _, d := range c.Ports {
		if d.Name == p.StrVal {
			return ports.real(d.ContainerPort), nil
		}
		names = append(names, d.Name)
	}
	return 0, fmt.Errorf("container %s declares no port named %q (it declares: %s)", c.Name, p.StrVal, strings.Join(names, ", "))
}

// pause waits; false means that ctx has ended.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

func seconds(n, otherwise int32) time.Duration {
	return time.Duration(or32(n, otherwise)) * time.Second
}

func or32(n, otherwise int32) int32 {
	if n == 0 {
		return otherwise
	}
	return n
}
