package node

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/strategicpatch"

	"github.com/sluice-dev/sluice/schema/contract"
)

// reporter tells the API how its pod is. Changes that come while one is being
// told are told together.
type reporter struct {
	pod   *pod
	dirty chan struct{}
	done  chan struct{}

	base *corev1.Pod // what the API has, as far as is known; run's alone
}

func newReporter(p *pod) *reporter {
	return &reporter{pod: p, dirty: make(chan struct{}, 1), done: make(chan struct{}), base: p.obj}
}

// changed has the status told soon.
func (r *reporter) changed() {
	select {
	case r.dirty <- struct{}{}:
	default:
	}
}

// soon has the status told within a moment, with what comes until then: one
// write for "runs" and "is ready" where both come close together. Each write
// has the controllers, and everybody who watches, look at the pod again.
func (r *reporter) soon() { time.AfterFunc(r.pod.node.timing.together, r.changed) }

// run tells until ctx ends.
func (r *reporter) run(ctx context.Context) {
	defer close(r.done)
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.dirty:
		}
		if r.pod.left.raised() || r.pod.gone.raised() {
			continue
		}
		r.insist(ctx)
		if r.pod.isOver() && r.pod.deleting.raised() {
			r.delete(ctx)
			return
		}
	}
}

// last waits until the pod's end is told and the pod deleted.
func (r *reporter) last(ctx context.Context, giveUp <-chan struct{}) {
	r.changed()
	select {
	case <-r.done:
	case <-r.pod.gone.ch:
	case <-giveUp:
	case <-ctx.Done():
	}
}

// insist tells the status, again and again until it is heard or nobody is left
// to hear it.
func (r *reporter) insist(ctx context.Context) {
	t := r.pod.node.timing
	wait := backoff{first: t.patchFirst, max: t.patchMax}
	wait.next(0)
	for {
		err := r.tell(ctx)
		if err == nil || apierrors.IsNotFound(err) || apierrors.IsConflict(err) || ctx.Err() != nil {
			return
		}
		r.pod.log.Warn("status cannot be written", "err", err)
		t := time.NewTimer(wait.next(0))
		select {
		case <-t.C:
		case <-r.pod.left.ch:
		case <-ctx.Done():
		}
		t.Stop()
		if r.pod.left.raised() || ctx.Err() != nil {
			return
		}
	}
}

// tell writes what has changed since it was last written.
func (r *reporter) tell(ctx context.Context) error {
	want := r.pod.observed(metav1.Now())
	patch, err := difference(r.base, want)
	if err != nil || patch == nil {
		return err
	}
	got, err := r.pod.node.cfg.Client.CoreV1().Pods(want.Namespace).Patch(ctx, want.Name,
		types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
	if err != nil {
		return err
	}
	r.base = got
	return nil
}

// delete has the API forget the pod, whose end has been told.
func (r *reporter) delete(ctx context.Context) {
	pod := r.pod.current()
	t := r.pod.node.timing
	wait := backoff{first: t.patchFirst, max: t.patchMax}
	wait.next(0)
	for {
		err := r.pod.node.cfg.Client.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{
			GracePeriodSeconds: new(int64(0)), Preconditions: &metav1.Preconditions{UID: &pod.UID},
		})
		if err == nil || apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
			return
		}
		if !pause(ctx, wait.next(0)) {
			return
		}
	}
}

// difference is a patch from what the API has to what it should have: status,
// and the annotation that says where the ports are. It is nil if there is none.
func difference(base, want *corev1.Pod) ([]byte, error) {
	strip := func(p *corev1.Pod, ports string) ([]byte, error) {
		s := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{UID: want.UID}, Status: p.Status}
		if ports != "" {
			s.Annotations = map[string]string{contract.AnnotationPorts: ports}
		}
		return json.Marshal(s)
	}
	old, err := strip(base, base.Annotations[contract.AnnotationPorts])
	if err != nil {
		return nil, fmt.Errorf("status: %w", err)
	}
	now, err := strip(want, want.Annotations[contract.AnnotationPorts])
	if err != nil {
		return nil, fmt.Errorf("status: %w", err)
	}
	patch, err := strategicpatch.CreateTwoWayMergePatch(old, now, corev1.Pod{})
	if err != nil {
		return nil, fmt.Errorf("status: %w", err)
	}
	if string(patch) == "{}" {
		return nil, nil
	}
	return withUID(patch, want.UID)
}

// withUID makes sure that a pod of the same name that came after is left alone.
func withUID(patch []byte, uid types.UID) ([]byte, error) {
	var p map[string]any
	if err := json.Unmarshal(patch, &p); err != nil {
		return nil, err
	}
	meta, ok := p["metadata"].(map[string]any)
	if !ok {
		meta = map[string]any{}
	}
	meta["uid"] = uid
	p["metadata"] = meta
	return json.Marshal(p)
}

// observed is the pod as it should stand in the API now.
func (p *pod) observed(now metav1.Time) *corev1.Pod {
	v := p.view()
	f := facts{pod: p.current(), hostIP: p.node.cfg.IP, now: now}
	for _, c := range p.containers {
		if c.init {
			f.init = append(f.init, c.state())
		} else {
			f.main = append(f.main, c.state())
		}
	}
	p.mu.Lock()
	f.podIP, f.prepared, f.over = p.ip, p.prepared, p.over
	f.reason, f.message, f.started = p.reason, p.message, metav1.NewTime(p.started)
	p.mu.Unlock()
	v.Status = statusOf(f)
	return v
}

func (p *pod) isOver() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.over
}
