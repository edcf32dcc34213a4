package kube

import (
	"context"
	"log/slog"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
)

const (
	// againFirst is the pause after a watch that failed, doubled each time up to
	// againLast. It is forgotten after a minute without a failure.
	againFirst = 200 * time.Millisecond
	againLast  = 10 * time.Second
	againReset = time.Minute
)

// watched is a kind of object that is listed and watched, and told of at once.
// Who is told keeps what it needs; here only names are kept, to notice what has
// gone while nothing was heard. (An informer keeps every object, once more than
// it is needed.) T is the object as trim leaves it.
type watched[T metav1.Object] struct {
	resource string // its name, for the log
	kind     runtime.Object
	source   cache.ListerWatcher
	trim     cache.TransformFunc
	set      func(T)
	gone     func(cache.ObjectName, T)
	// whole: gone needs the object as it was last. Else it gets none.
	whole bool

	known map[cache.ObjectName]T // of the reflector's goroutine
	once  sync.Once
	read  chan struct{} // closed when all that was there has been told
	were  int           // how many that was; set before
}

var _ cache.TransformingStore = (*watched[metav1.Object])(nil)

// run lists and watches until ctx is done.
func (w *watched[T]) run(ctx context.Context, log *slog.Logger) {
	reflector := cache.NewReflectorWithOptions(w.source, w.kind, w, cache.ReflectorOptions{Name: w.resource})
	pause := wait.Backoff{Duration: againFirst, Cap: againLast, Steps: 10, Factor: 2, Jitter: 0.5}.DelayWithReset(clock.RealClock{}, againReset)
	_ = pause.Until(ctx, true, true, func(ctx context.Context) (bool, error) { // it ends with ctx
		if err := reflector.ListAndWatchWithContext(ctx); err != nil && ctx.Err() == nil {
			log.Warn("watch interrupted", "resource", w.resource, "error", err)
		}
		return false, nil
	})
}

// Transformer is cache.TransformingStore's.
func (w *watched[T]) Transformer() cache.TransformFunc { return w.trim }

// Add is cache.ReflectorStore's, as the methods below.
func (w *watched[T]) Add(obj any) error {
	if t, name, ok := w.object(obj); ok {
		w.tell(name, t)
	}
	return nil
}

// Update tells of a changed object.
func (w *watched[T]) Update(obj any) error { return w.Add(obj) }

// Delete tells that an object has gone.
func (w *watched[T]) Delete(obj any) error {
	t, name, ok := w.object(obj)
	if ok {
		delete(w.known, name)
		w.gone(name, t)
	}
	return nil
}

// Replace tells of all objects that there are, and of those that are no more.
func (w *watched[T]) Replace(list []any, _ string) error {
	before := w.known
	w.known = make(map[cache.ObjectName]T, len(list))
	for _, obj := range list {
		if t, name, ok := w.object(obj); ok {
			w.tell(name, t)
		}
	}
	for name, last := range before {
		if _, still := w.known[name]; !still {
			w.gone(name, last)
		}
	}
	w.once.Do(func() {
		w.were = len(list)
		close(w.read)
	})
	return nil
}

// Resync has nothing to do: whoever is told forgets nothing.
func (w *watched[T]) Resync() error { return nil }

// tell tells of an object.
func (w *watched[T]) tell(name cache.ObjectName, t T) {
	var kept T
	if w.whole {
		kept = t
	}
	w.known[name] = kept
	w.set(t)
}

// object trims what was read. It is not ok if that is something else than it
// should be, which the reflector has said by then.
func (w *watched[T]) object(obj any) (t T, name cache.ObjectName, ok bool) {
	obj, err := w.trim(obj)
	if err != nil {
		return t, name, false
	}
	if t, ok = obj.(T); ok {
		name = cache.MetaObjectToName(t)
	}
	return t, name, ok
}

// listing makes lists and watches of a kind of client's.
func listing[L runtime.Object](client any, selector string, list func(context.Context, metav1.ListOptions) (L, error), follow func(context.Context, metav1.ListOptions) (watch.Interface, error)) cache.ListerWatcher {
	return cache.ToListWatcherWithWatchListSemantics(&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			o.LabelSelector = selector
			return list(ctx, o)
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			o.LabelSelector = selector
			return follow(ctx, o)
		},
	}, client)
}
