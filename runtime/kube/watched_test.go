package kube

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"

	"github.com/sluice-dev/sluice/schema/contract"
)

// scripted is an API server that lists what it is told to, and whose watches
// the test holds.
type scripted struct {
	mu      sync.Mutex
	there   []string
	refuses error
	watches []*watch.FakeWatcher
}

func labelled(name string) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Namespace: "default", Name: name, Labels: map[string]string{contract.LabelRevision: "hello-1", "other": "x"}, ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "m"}},
	}}
}

func (s *scripted) list(_ context.Context, o metav1.ListOptions) (*corev1.PodList, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuses != nil || o.LabelSelector != "selected" {
		return nil, s.refuses
	}
	l := &corev1.PodList{ListMeta: metav1.ListMeta{ResourceVersion: "1"}}
	for _, name := range s.there {
		l.Items = append(l.Items, *labelled(name))
	}
	return l, nil
}

func (s *scripted) watch(context.Context, metav1.ListOptions) (watch.Interface, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := watch.NewFakeWithChanSize(10, false)
	s.watches = append(s.watches, w)
	return w, nil
}

// set changes what there is, and gives the watch that is open.
func (s *scripted) set(refuses error, there ...string) *watch.FakeWatcher {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.there, s.refuses = there, refuses
	if len(s.watches) == 0 {
		return nil
	}
	return s.watches[len(s.watches)-1]
}

// heard is what was told, in its order.
type heard struct {
	mu  sync.Mutex
	all []string
}

func (h *heard) add(what string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, what)
}

func (h *heard) want(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	slices.Sort(h.all)
	if !slices.Equal(h.all, want) {
		t.Errorf("want %v, got %v", want, h.all)
	}
	h.all = nil
}

// follow runs a watched of the scripted pods until the test ends.
func follow(t *testing.T, s *scripted, whole bool) (*watched[*corev1.Pod], *heard) {
	t.Helper()
	h := &heard{}
	w := &watched[*corev1.Pod]{
		resource: "pods", kind: &corev1.Pod{}, source: listing(nil, "selected", s.list, s.watch), trim: trim, whole: whole,
		set: func(p *corev1.Pod) {
			if len(p.Labels) != 1 || p.ManagedFields != nil {
				t.Errorf("not trimmed: %+v", p)
			}
			h.add("+" + p.Name)
		},
		gone: func(n cache.ObjectName, last *corev1.Pod) {
			if whole && (last.Name != n.Name || last.Labels[contract.LabelRevision] != "hello-1") {
				t.Errorf("%s was last %+v", n, last)
			}
			h.add("-" + n.String())
		},
		read: make(chan struct{}), known: map[cache.ObjectName]*corev1.Pod{},
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.run(ctx, slog.New(slog.DiscardHandler))
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return w, h
}

func TestWatched_TellsWhatChangesAndWhatHasGoneWhileNothingWasHeard(t *testing.T) {
	for _, whole := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			s := &scripted{there: []string{"a", "b", "c"}}
			w, h := follow(t, s, whole)
			<-w.read
			h.want(t, "+a", "+b", "+c")
			open := s.set(nil)
			open.Modify(labelled("b"))
			open.Add(labelled("d"))
			open.Delete(labelled("a"))
			h.want(t, "+b", "+d", "-default/a")
			s.set(nil, "c", "e")
			open.Error(&metav1.Status{Status: metav1.StatusFailure, Code: 410, Reason: metav1.StatusReasonExpired})
			time.Sleep(3 * againLast) // virtual
			h.want(t, "+c", "+e", "-default/b", "-default/d")
			if w.were != 3 {
				t.Errorf("%d were there", w.were)
			}
		})
	}
}

func TestWatched_AsksAgainWhereItIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{refuses: errors.New("not now")}
		w, h := follow(t, s, false)
		time.Sleep(time.Minute) // virtual
		h.want(t)
		select {
		case <-w.read:
			t.Error("nothing was read")
		default:
		}
		s.set(nil, "a")
		time.Sleep(2 * againLast)
		<-w.read
		h.want(t, "+a")
	})
}
