package peer

import (
	"context"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// announced is how long a successor that is wanted takes to appear: Kubernetes
// makes the pod in the place of one that is to go before that one is told.
const announced = time.Second

// others are the other activators that are there or are coming, and whether
// each takes requests.
type others struct {
	mu      sync.Mutex // guards what follows
	ready   map[string]bool
	changed chan struct{} // closed at the next change
}

func newOthers() *others {
	return &others{ready: map[string]bool{}, changed: make(chan struct{})}
}

// set tells what has become of another.
func (o *others) set(pod *corev1.Pod, over bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if over {
		delete(o.ready, pod.Name)
	} else {
		o.ready[pod.Name] = takesRequests(pod)
	}
	close(o.changed)
	o.changed = make(chan struct{})
}

func takesRequests(pod *corev1.Pod) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// look tells how many there are, whether one of them takes requests, and what
// is closed when that may be different.
func (o *others) look() (n int, ready bool, changed <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, r := range o.ready {
		ready = ready || r
	}
	return len(o.ready), ready, o.changed
}

// Succeeded waits until another activator takes requests, as Kubernetes says,
// or until it is plain that none will come, as when all are to go. It ends early
// with ctx.
func (p *Peers) Succeeded(ctx context.Context) {
	alone := time.NewTimer(announced)
	defer alone.Stop()
	for {
		n, ready, changed := p.others.look()
		if ready {
			return
		}
		var nobody <-chan time.Time
		if n == 0 {
			nobody = alone.C
		}
		select {
		case <-changed:
		case <-nobody:
			return
		case <-ctx.Done():
			return
		}
	}
}
