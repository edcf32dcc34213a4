package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sluice-dev/sluice/engine/git"
	"github.com/sluice-dev/sluice/engine/history"
	"github.com/sluice-dev/sluice/engine/load"
	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/desired"
)

// Past is a Repository whose earlier commits can be read. *git.Repository is
// one.
type Past interface {
	Repository
	// Resolve lists the files of a commit.
	Resolve(ctx context.Context, name string) (git.Snapshot, error)
}

// Restoring is what the repository has to change to describe an earlier
// revision again.
type Restoring struct {
	// Identity is the spec whose document changes, in File.
	Identity schema.Identity
	File     string
	// Before and After are the file's content; Before is nil if it is not there.
	Before, After []byte
	// From is the revision that is described now, nil if none is; To the one
	// that will be.
	From *history.Revision
	To   history.Revision
	// Head is the commit that this was made for.
	Head string
}

// Restore finds out how a configuration is brought back to a revision, given
// by name or alias; empty is the one before the current. The document becomes
// what it was when it described that revision last. Nothing is written.
func Restore(ctx context.Context, repository Past, kinds schema.Kinds, builds Builds, service, to string) (Restoring, error) {
	e, err := reader(ctx, repository, kinds, builds)
	if err != nil {
		return Restoring{}, err
	}
	if err := e.readHistory(ctx); err != nil {
		return Restoring{}, err
	}
	key, err := e.configuration(service)
	if err != nil {
		return Restoring{}, err
	}
	now, described := e.describing(e.tree.Specs, key, "")
	r := Restoring{Head: e.snapshot.Commit.Hash}
	line := *e.history.lines[key]
	if described {
		from, _ := line.Find(line.Current())
		r.From = &from
	}
	if r.To, err = target(line, described, service, to); err != nil {
		return r, err
	}
	if err := sameSources(r); err != nil {
		return r, err
	}
	old, text, err := e.past(ctx, repository, key, r.To)
	if err != nil {
		return r, err
	}
	if !described {
		now = load.Entry{Identity: old.Identity, File: old.File}
	}
	r.Identity, r.File = now.Identity, now.File
	if r.Before, err = e.file(ctx, now.File); err != nil {
		return r, err
	}
	r.After = load.Replace(r.Before, now.Line, text)
	return r, e.proves(r, key)
}

// configuration finds the one that NAME or NAMESPACE/NAME means.
func (e *Engine) configuration(service string) (configurationKey, error) {
	var found []string
	var key configurationKey
	for k := range e.history.lines {
		if full := k.namespace + "/" + k.name; k.name == service || full == service {
			found, key = append(found, full), k
		}
	}
	slices.Sort(found)
	switch len(found) {
	case 0:
		return key, fmt.Errorf("%s: never described on this branch; `sluice status` lists what is", service)
	case 1:
		return key, nil
	}
	return key, fmt.Errorf("%s is in several namespaces: write %s", service, strings.Join(found, " or "))
}

// target is the revision to go back to.
func target(line history.Line, described bool, service, to string) (history.Revision, error) {
	name := to
	switch {
	case to == "" && described:
		name = line.Previous()
	case to == "":
		name = line.Current() // it was deleted
	}
	if name == "" {
		return history.Revision{}, fmt.Errorf("%s has one revision only: there is nothing to go back to", service)
	}
	r, found := line.Find(name)
	switch {
	case !found:
		return r, fmt.Errorf("revision %q never was: `sluice history %s` lists them", to, service)
	case described && r.Name == line.Current():
		return r, fmt.Errorf("%s is at %s (%s) already", service, r.Alias(), r.Name)
	}
	return r, nil
}

// sameSources refuses to go back to a revision that is built from other
// sources: no document says those.
func sameSources(r Restoring) error {
	now := ""
	if r.From != nil {
		now = r.From.Workload.Template.Build
	}
	if r.To.Workload.Template.Build == now || r.To.Workload.Template.Build == "" {
		return nil
	}
	return fmt.Errorf("%s is built from other sources than there are now, and its document says nothing of them: take the commits since %.7s back with `git revert`, "+
		"or give it the requests with a traffic target that has `gitRef: %s`", r.To.Alias(), r.To.Last.Hash, r.To.Last.Hash)
}

// written is the name that a revision has by its document alone, without what
// it is built from.
func written(r history.Revision) string {
	w := r.Workload
	if w.Template.Build == "" || w.Named() {
		return w.Revision
	}
	w.Template.Build = ""
	return desired.RevisionName(w.Configuration, w.Template)
}

// describing is the entry that describes a configuration; with a revision,
// the one that describes just that.
func (e *Engine) describing(entries []load.Entry, key configurationKey, revision string) (load.Entry, bool) {
	for _, entry := range entries {
		source, ok := entry.Spec.(desired.Source)
		if !ok {
			continue
		}
		for _, w := range source.Desire().Workloads {
			if w.Namespace == key.namespace && w.Configuration == key.name && (revision == "" || w.Revision == revision) {
				return entry, true
			}
		}
	}
	return load.Entry{}, false
}

// past is the entry that described a revision last, and its text.
func (e *Engine) past(ctx context.Context, repository Past, key configurationKey, r history.Revision) (load.Entry, []byte, error) {
	snapshot, err := repository.Resolve(ctx, r.Last.Hash)
	if err != nil {
		return load.Entry{}, nil, err
	}
	for _, f := range snapshot.Files {
		if !e.settings.Wants(loadFile(f)) {
			continue
		}
		file, err := e.content(ctx, f)
		if err != nil {
			return load.Entry{}, nil, err
		}
		part := load.Read(file, e.cfg.Kinds)
		entry, found := e.describing(part.Entries, key, written(r))
		if !found {
			continue
		}
		text := load.Excerpt(file.Data, entry.Line)
		if n := len(load.Read(load.File{Path: f.Path, Data: text}, e.cfg.Kinds).Entries); n != 1 {
			return entry, nil, fmt.Errorf("%s of commit %.7s describes %d specs in one document: take it back with `git revert`", f.Path, r.Last.Hash, n)
		}
		return entry, text, nil
	}
	return load.Entry{}, nil, fmt.Errorf("revision %s: no file of commit %.7s describes it under this installation's policy", r.Name, r.Last.Hash)
}

// file is the content of a path of the newest commit; nil if there is none.
func (e *Engine) file(ctx context.Context, path string) ([]byte, error) {
	for _, f := range e.snapshot.Files {
		if f.Path == path {
			file, err := e.content(ctx, f)
			return file.Data, err
		}
	}
	return nil, nil
}

// proves checks that the file will describe what it is to, and all else that
// it does now.
func (e *Engine) proves(r Restoring, key configurationKey) error {
	after := load.Read(load.File{Path: r.File, Data: r.After}, e.cfg.Kinds)
	if _, ok := e.describing(after.Entries, key, written(r.To)); !ok {
		return fmt.Errorf("%s would not describe %s: take it back with `git revert`", r.File, r.To.Name)
	}
	left := map[schema.Identity]bool{}
	for _, entry := range after.Entries {
		left[entry.Identity] = true
	}
	for _, entry := range load.Read(load.File{Path: r.File, Data: r.Before}, e.cfg.Kinds).Entries {
		if !left[entry.Identity] {
			return errors.New(r.File + " describes others in the same document: take it back with `git revert`")
		}
	}
	return nil
}

// ReadLines is the history of all configurations, by namespace/name.
func ReadLines(ctx context.Context, repository Repository, kinds schema.Kinds, builds Builds) (map[string]history.Line, error) {
	e, err := reader(ctx, repository, kinds, builds)
	if err != nil {
		return nil, err
	}
	if err := e.readHistory(ctx); err != nil {
		return nil, err
	}
	out := make(map[string]history.Line, len(e.history.lines))
	for key, line := range e.history.lines {
		out[key.namespace+"/"+key.name] = *line
	}
	return out, nil
}
