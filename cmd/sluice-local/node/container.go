package node

import (
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/cmd/sluice-local/node/crilog"
	"github.com/sluice-dev/sluice/cmd/sluice-local/node/shim"
)

// container is one container's life: image, process, restart, end.
type container struct {
	pod     *pod
	name    string
	init    bool // one of spec.initContainers
	sidecar bool // of those, one that stays

	end   *flag // it is to end, and not to begin again; the pod's, unless a sidecar
	begun *flag // it has started, by its startup probe if it has one
	done  *flag // it will never run again

	restarts backoff
	attempt  int32 // how many runs there were before

	mu     sync.Mutex // guards the below
	status corev1.ContainerStatus
	proc   *shim.Process
	out    *crilog.Log
	cmd    shim.Command // how further processes are run beside it
	image  Image
}

func newContainer(p *pod, spec *corev1.Container, isInit bool) *container {
	t := p.node.timing
	c := &container{
		pod: p, name: spec.Name, init: isInit,
		sidecar:  isInit && spec.RestartPolicy != nil && *spec.RestartPolicy == corev1.ContainerRestartPolicyAlways,
		end:      p.ending,
		begun:    newFlag(),
		done:     newFlag(),
		restarts: backoff{first: t.restartFirst, max: t.restartMax, forgive: t.restartForgive},
	}
	if c.sidecar {
		c.end = newFlag()
	}
	c.status = c.firstStatus(p.obj, spec)
	return c
}

// spec is the container as the API has it now.
func (c *container) spec() *corev1.Container { return findContainer(c.pod.current(), c.name) }

// change alters the status and has it reported.
func (c *container) change(f func(*corev1.ContainerStatus)) {
	c.mu.Lock()
	f(&c.status)
	c.mu.Unlock()
	c.pod.report.changed()
}

// state is a copy of the status.
func (c *container) state() corev1.ContainerStatus {
	c.mu.Lock()
	defer c.mu.Unlock()
	return *c.status.DeepCopy()
}

// run starts the container again and again, as its policy says.
func (c *container) run() {
	defer c.done.raise()
	if c.state().State.Terminated != nil {
		return // an earlier run of the node has seen it end for good
	}
	for !c.end.raised() {
		ran, again := c.once()
		if !again || c.end.raised() {
			return
		}
		wait := c.restarts.next(ran)
		c.crashed(wait)
		c.attempt++
		if !c.sleep(wait, nil) {
			return
		}
	}
}

// once brings the container up and sees it end. It returns how long it ran and
// whether it is to be started again.
func (c *container) once() (ran time.Duration, again bool) {
	begin := time.Now()
	plan, err := c.plan()
	if err != nil {
		return 0, false // the container is to end before it began
	}
	run, err := c.launch(plan)
	if err != nil {
		c.refused(err)
		return time.Since(begin), c.restartable(corev1.ContainerStateTerminated{ExitCode: startError})
	}
	exit := c.supervise(run)
	ended := c.ended(run, exit)
	return time.Since(run.at), c.restartable(ended)
}

// sleep waits; false means that the container is to end.
func (c *container) sleep(d time.Duration, early <-chan struct{}) bool {
	if d <= 0 {
		return !c.end.raised()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-early:
	case <-c.end.ch:
		return false
	}
	return true
}

// context ends when the container is to end.
func (c *container) context() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(c.pod.ctx)
	go func() {
		select {
		case <-c.end.ch:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// restartable says whether a container that ended so is started again.
func (c *container) restartable(t corev1.ContainerStateTerminated) bool {
	return !c.end.raised() && c.restartableAfter(c.pod.current().Spec.RestartPolicy, t)
}

func (c *container) restartableAfter(policy corev1.RestartPolicy, t corev1.ContainerStateTerminated) bool {
	switch {
	case c.sidecar:
		return true
	case c.init:
		return t.ExitCode != 0 && policy != corev1.RestartPolicyNever
	case policy == corev1.RestartPolicyOnFailure:
		return t.ExitCode != 0
	}
	return policy == corev1.RestartPolicyAlways || policy == ""
}

// succeeded says whether the container is done and has ended well.
func (c *container) succeeded() bool {
	t := c.state().State.Terminated
	return t != nil && t.ExitCode == 0
}

// ended turns how a process ended into a status, and has it reported.
func (c *container) ended(r *run, exit shim.Exit) corev1.ContainerStateTerminated {
	t := corev1.ContainerStateTerminated{
		ExitCode:    int32(exit.Code),
		Signal:      int32(exit.Signal),
		Reason:      "Completed",
		StartedAt:   metav1.NewTime(r.at),
		FinishedAt:  metav1.Now(),
		ContainerID: r.id,
		Message:     r.lastWords(exit),
	}
	if exit.Code != 0 {
		t.Reason = "Error"
	}
	c.mu.Lock()
	c.proc = nil
	c.mu.Unlock()
	c.change(func(s *corev1.ContainerStatus) {
		s.State = corev1.ContainerState{Terminated: &t}
		s.Ready = c.init && !c.sidecar && exit.Code == 0
		s.Started = new(false)
	})
	return t
}

// startError is the exit code of a container whose process could not be started.
const startError = 128

// refused records that the process could not be started.
func (c *container) refused(err error) {
	c.pod.node.events.warning(of(c.pod.current(), c.name), reasonFailed, "Error: %s", err)
	now := metav1.Now()
	c.change(func(s *corev1.ContainerStatus) {
		s.State = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
			ExitCode: startError, Reason: "StartError", Message: err.Error(), StartedAt: now, FinishedAt: now, ContainerID: s.ContainerID,
		}}
		s.Started = new(false)
	})
}

// crashed says that the container waits for its next start.
func (c *container) crashed(wait time.Duration) {
	pod := c.pod.current()
	if wait > 0 {
		c.pod.node.events.warning(of(pod, c.name), reasonBackOff, "Back-off restarting failed container %s in pod %s_%s(%s)",
			c.name, pod.Name, pod.Namespace, pod.UID)
	}
	c.change(func(s *corev1.ContainerStatus) {
		last := s.State.Terminated
		s.LastTerminationState = s.State
		if wait == 0 {
			return // the next start follows at once
		}
		s.State = waiting("CrashLoopBackOff", fmt.Sprintf("back-off %s restarting failed container=%s pod=%s_%s(%s)",
			wait, c.name, pod.Name, pod.Namespace, pod.UID))
		if last != nil && last.Reason == "StartError" {
			s.State = waiting("RunContainerError", last.Message)
		}
	})
}

func waiting(reason, message string) corev1.ContainerState {
	return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
}
