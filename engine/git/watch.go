package git

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/go-git/go-git/v5/plumbing"
)

// settle is how long a burst of file events may go on: a push touches a
// reference by a lock file, a rename and perhaps a log.
const settle = time.Millisecond

// watcher follows the references of a repository on this machine: HEAD,
// packed-refs and everything below refs. What does not exist yet is waited
// for at the nearest folder that does.
type watcher struct {
	repo   *local
	notify *fsnotify.Watcher
	last   plumbing.Hash
}

// run signals at once when a reference moves. If the machine cannot watch
// files, or an event got lost, the poll finds it later.
func (l *local) run(ctx context.Context, changed func()) error {
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		l.log.WarnContext(ctx, "cannot watch files, polling instead", "error", err)
		return every(ctx, l.poll, changed)
	}
	defer notify.Close()
	w := &watcher{repo: l, notify: notify}
	w.follow()
	changed() // whatever moved before we watched
	return w.loop(ctx, changed)
}

func every(ctx context.Context, period time.Duration, f func()) error {
	tick := time.NewTicker(period)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			f()
		}
	}
}

func (w *watcher) loop(ctx context.Context, changed func()) error {
	tick := time.NewTicker(w.repo.poll)
	defer tick.Stop()
	var settled <-chan time.Time // nil while nothing moves
	soon := func() {
		if settled == nil {
			settled = time.After(settle)
		}
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case e := <-w.notify.Events:
			if w.concerns(e) {
				soon()
			}
		case err := <-w.notify.Errors:
			w.repo.log.WarnContext(ctx, "file events got lost, looking again", "error", err)
			soon()
		case <-settled:
			settled = nil
			w.follow()
			changed()
		case <-tick.C:
			w.follow()
			if w.moved(ctx) {
				changed()
			}
		}
	}
}

// concerns reports whether an event may mean that a reference moved.
func (w *watcher) concerns(e fsnotify.Event) bool {
	if e.Op == fsnotify.Chmod || strings.HasSuffix(e.Name, ".lock") {
		return false
	}
	dir := w.repo.dir()
	inside, err := filepath.Rel(dir, e.Name)
	if err != nil || inside == "." || strings.HasPrefix(inside, "..") {
		// Only what leads to the repository: it comes or goes.
		return strings.HasPrefix(dir+string(filepath.Separator), e.Name+string(filepath.Separator))
	}
	top, _, _ := strings.Cut(inside, string(filepath.Separator))
	switch top {
	case "HEAD", "packed-refs", "refs", ".git":
		return true
	}
	return false
}

// follow watches all folders there are; one that is watched already stays.
func (w *watcher) follow() {
	dir := w.repo.dir()
	if !w.add(dir) {
		w.nearest(dir)
		return
	}
	_ = filepath.WalkDir(filepath.Join(dir, "refs"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			w.add(path)
		}
		return nil
	})
}

func (w *watcher) add(dir string) bool {
	err := w.notify.Add(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		w.repo.log.Warn("cannot watch a folder, polling it instead", "folder", dir, "error", err)
	}
	return err == nil
}

// nearest waits for a folder to appear at the closest one above that exists.
func (w *watcher) nearest(dir string) {
	for parent := filepath.Dir(dir); parent != dir; dir, parent = parent, filepath.Dir(parent) {
		if _, err := os.Stat(parent); err == nil {
			w.add(parent)
			return
		}
	}
}

// moved reports whether the branch is elsewhere than when last asked; a
// branch that cannot be read is nowhere.
func (w *watcher) moved(ctx context.Context) bool {
	tip, err := w.repo.tip(ctx, w.repo.branch)
	if err != nil {
		tip = plumbing.ZeroHash
	}
	if tip == w.last {
		return false
	}
	w.last = tip
	return true
}
