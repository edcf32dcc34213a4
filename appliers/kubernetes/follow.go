package kubernetes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/engine/plan"
	"github.com/sluice-dev/sluice/schema/contract"
)

// follower lists and watches one kind into a store.
type follower struct {
	api      *API
	store    *store
	applySet string
	page     int
	kind     manifest.Kind
	// listed is called whenever the kind is known completely.
	listed func()

	// version is where to watch on from; empty begins with a list.
	version string
	// streaming asks for the list as the beginning of the watch, which the
	// server need not hold in memory; false after a server has refused it.
	streaming bool
}

// event is one line of a watch.
type event struct {
	Type   string          `json:"type"`
	Object json.RawMessage `json:"object"`
}

// errExpired asks for a list: the version to watch from is too old.
var errExpired = errors.New("the watch's version has expired")

// round lists if need be and watches until the watch ends. A watch that ended
// in order is no error.
func (f *follower) round(ctx context.Context) error {
	if f.version == "" && !f.streaming {
		if err := f.list(ctx); err != nil {
			return fmt.Errorf("%s: list: %w", f.kind, err)
		}
	}
	err := f.watch(ctx)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errExpired) || apierrors.IsResourceExpired(err) || apierrors.IsGone(err):
		f.version = ""
		return nil
	case f.version == "" && f.streaming && (apierrors.IsInvalid(err) || apierrors.IsBadRequest(err)):
		f.streaming = false
		return nil
	}
	return fmt.Errorf("%s: watch: %w", f.kind, err)
}

func (f *follower) query() url.Values {
	return url.Values{"labelSelector": {contract.LabelPartOf + "=" + f.applySet}}
}

// path is where the kind is listed, in all namespaces. A 404 there means that
// the server does not have the kind.
func (f *follower) path(ctx context.Context) (string, error) {
	r, err := f.api.kinds.resource(ctx, f.kind)
	if err != nil {
		return "", err
	}
	return prefix(f.kind.APIVersion) + "/" + r.name + "?", nil
}

// list reads the kind page by page.
func (f *follower) list(ctx context.Context) error {
	path, err := f.path(ctx)
	if err != nil {
		return err
	}
	mark, query := f.store.mark(), f.query()
	query.Set("limit", strconv.Itoa(f.page))
	all := map[manifest.ID]plan.Object{}
	for {
		raw, err := f.api.do(ctx, http.MethodGet, path+query.Encode(), "", nil)
		if err != nil {
			return f.missing(err)
		}
		var page struct {
			Metadata struct {
				ResourceVersion string `json:"resourceVersion"`
				Continue        string `json:"continue"`
			} `json:"metadata"`
			Items []json.RawMessage `json:"items"`
		}
		if err := json.Unmarshal(raw, &page); err != nil {
			return err
		}
		for _, item := range page.Items {
			p, err := parse(f.kind, f.applySet, item)
			if err != nil {
				return err
			}
			all[p.ID] = p.Object
		}
		if page.Metadata.Continue == "" {
			f.version = page.Metadata.ResourceVersion
			break
		}
		query.Set("continue", page.Metadata.Continue)
	}
	f.store.replace(f.kind, all, mark)
	f.listed()
	return nil
}

// missing makes a NoKindError of a 404.
func (f *follower) missing(err error) error {
	if apierrors.IsNotFound(err) {
		return &NoKindError{f.kind}
	}
	return err
}

// watch reads changes from f.version on, or everything if that is empty.
func (f *follower) watch(ctx context.Context) error {
	path, err := f.path(ctx)
	if err != nil {
		return err
	}
	query := f.query()
	query.Set("watch", "true")
	query.Set("allowWatchBookmarks", "true")
	query.Set("timeoutSeconds", strconv.Itoa(300+rand.IntN(300)))
	var initial map[manifest.ID]plan.Object
	mark := f.store.mark()
	if f.version == "" {
		query.Set("sendInitialEvents", "true")
		query.Set("resourceVersionMatch", string(metav1.ResourceVersionMatchNotOlderThan))
		initial = map[manifest.ID]plan.Object{}
	} else {
		query.Set("resourceVersion", f.version)
	}
	resp, err := f.api.send(ctx, http.MethodGet, path+query.Encode(), "", nil)
	if err != nil {
		return f.missing(err)
	}
	defer resp.Body.Close()
	if initial == nil {
		f.listed()
	}
	return f.read(resp.Body, initial, mark)
}

// read takes events until the stream ends. While initial is not nil, they are
// the list; a bookmark ends it.
func (f *follower) read(stream io.Reader, initial map[manifest.ID]plan.Object, mark uint64) error {
	lines := json.NewDecoder(stream)
	for {
		var e event
		if err := lines.Decode(&e); err != nil {
			if initial != nil || !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
				return fmt.Errorf("the stream broke off: %w", err)
			}
			return nil
		}
		switch e.Type {
		case "ERROR":
			return watchError(e.Object)
		case "BOOKMARK":
			version, complete := bookmark(e.Object)
			if initial != nil && complete {
				f.store.replace(f.kind, initial, mark)
				initial = nil
				f.version = version
				f.listed()
			} else if initial == nil && version != "" {
				f.version = version
			}
			continue
		}
		p, err := parse(f.kind, f.applySet, e.Object)
		if err != nil {
			return err
		}
		f.take(e.Type, p.Object, initial)
	}
}

// take records one event.
func (f *follower) take(what string, o plan.Object, initial map[manifest.ID]plan.Object) {
	switch {
	case initial != nil && what == "DELETED":
		delete(initial, o.ID)
	case initial != nil:
		initial[o.ID] = o
	case what == "DELETED":
		f.version = o.ResourceVersion
		f.store.lost(o)
	default:
		f.version = o.ResourceVersion
		f.store.seen(o)
	}
}

// bookmark is the version of a bookmark, and whether it ends the list.
func bookmark(raw json.RawMessage) (version string, complete bool) {
	var h head
	if json.Unmarshal(raw, &h) != nil {
		return "", false
	}
	return h.Metadata.ResourceVersion, h.Metadata.Annotations[metav1.InitialEventsAnnotationKey] == "true"
}

// watchError is the error that a watch ended with.
func watchError(raw json.RawMessage) error {
	var s metav1.Status
	if err := json.Unmarshal(raw, &s); err != nil {
		return fmt.Errorf("the watch ended with an error that cannot be read: %w", err)
	}
	if s.Code == http.StatusGone {
		return errExpired
	}
	return &apierrors.StatusError{ErrStatus: s}
}
