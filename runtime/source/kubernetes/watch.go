package kubernetes

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
)

const (
	againFirst = 200 * time.Millisecond // after a failure; doubled each time
	againLast  = 30 * time.Second
	pageSize   = 500
)

// watch follows one kind in one namespace.
type watch struct {
	source   *Source
	resource dynamic.ResourceInterface
	mapping  *meta.RESTMapping
	selector string
	log      *slog.Logger

	note    string // the name under which that is remembered
	version string // the last resourceVersion that was sent, or begun at
}

// run follows until ctx ends; began is called once, when nothing is missed any
// more.
func (w *watch) run(ctx context.Context, began func()) error {
	wait := againFirst
	for ctx.Err() == nil {
		moved, err := w.follow(ctx, &began)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil, moved:
			wait = againFirst
		default:
			w.log.Warn("watch broken, is begun again where it was", "error", err, "in", wait)
			wait = min(2*wait, againLast)
		}
		select {
		case <-time.After(wait - rand.N(wait/2)):
		case <-ctx.Done():
		}
	}
	return nil
}

// follow sends changes until the watch ends; moved says whether any came.
func (w *watch) follow(ctx context.Context, began *func()) (moved bool, err error) {
	if w.version == "" {
		if err := w.begin(ctx); err != nil {
			return false, err
		}
	}
	changes, err := w.resource.Watch(ctx, metav1.ListOptions{
		LabelSelector: w.selector, ResourceVersion: w.version, AllowWatchBookmarks: true,
	})
	if err != nil {
		return false, w.broken(ctx, err)
	}
	defer changes.Stop()
	if *began != nil {
		(*began)()
		*began = nil
	}
	for {
		var change apiwatch.Event
		open := false
		select {
		case change, open = <-changes.ResultChan():
		case <-ctx.Done():
		}
		if !open {
			return moved, nil
		}
		if change.Type == apiwatch.Error {
			return moved, w.broken(ctx, apierrors.FromObject(change.Object))
		}
		moved = true
		if err := w.take(ctx, change); err != nil {
			return moved, err
		}
	}
}

// broken catches up where the server has forgotten what we have yet to see.
func (w *watch) broken(ctx context.Context, err error) error {
	if apierrors.IsResourceExpired(err) || apierrors.IsGone(err) {
		return w.catchUp(ctx)
	}
	if apierrors.HasStatusCause(err, metav1.CauseTypeResourceVersionTooLarge) {
		w.log.Warn("the server has forgotten more than the source remembers: it begins with what comes", "remembered", w.version)
		w.version = ""
	}
	return fmt.Errorf("watch: %w", err)
}

// take sends one change, then remembers it.
func (w *watch) take(ctx context.Context, change apiwatch.Event) error {
	o, ok := change.Object.(*unstructured.Unstructured)
	if !ok {
		return fmt.Errorf("watch: got a %T", change.Object)
	}
	if change.Type != apiwatch.Bookmark {
		if err := w.send(ctx, change.Type, o); err != nil {
			return err
		}
	}
	w.reached(o.GetResourceVersion())
	return nil
}

// reached remembers how far the watch is.
func (w *watch) reached(version string) {
	w.version = version
	w.source.notes.Take(w.note, version)
}

func (w *watch) send(ctx context.Context, what apiwatch.EventType, o *unstructured.Unstructured) error {
	e, wanted, err := w.source.event(what, o, w.mapping)
	if err != nil || !wanted {
		return err
	}
	err = w.source.cfg.Sink.Send(ctx, &e)
	if err != nil && ctx.Err() == nil {
		w.log.Error("event refused", "id", e.ID, "error", err)
		return nil
	}
	return err
}

// begin finds out where now is, without the objects.
func (w *watch) begin(ctx context.Context) error {
	list, err := w.resource.List(ctx, metav1.ListOptions{LabelSelector: w.selector, Limit: 1})
	if err != nil {
		return fmt.Errorf("list: %w", err)
	}
	w.reached(list.GetResourceVersion())
	return nil
}

// catchUp sends what a list has that is newer than the last change sent. What
// was deleted meanwhile is not known.
func (w *watch) catchUp(ctx context.Context) error {
	last := number(w.version)
	w.log.Info("too much has happened to go on watching, is caught up from a list", "after", w.version)
	options := metav1.ListOptions{LabelSelector: w.selector, Limit: pageSize}
	for {
		list, err := w.resource.List(ctx, options)
		if err != nil {
			return fmt.Errorf("list: %w", err)
		}
		for i := range list.Items {
			if o := &list.Items[i]; number(o.GetResourceVersion()) > last {
				if err := w.send(ctx, apiwatch.Modified, o); err != nil {
					return err
				}
			}
		}
		if options.Continue = list.GetContinue(); options.Continue == "" {
			w.reached(list.GetResourceVersion())
			return nil
		}
	}
}

// number makes resourceVersions comparable, as Kubernetes says they are.
func number(version string) uint64 {
	n, err := strconv.ParseUint(version, 10, 64)
	if err != nil {
		return 0
	}
	return n
}
