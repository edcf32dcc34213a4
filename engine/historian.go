package engine

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/sluice-dev/sluice/engine/git"
	"github.com/sluice-dev/sluice/engine/history"
	"github.com/sluice-dev/sluice/engine/load"
	"github.com/sluice-dev/sluice/schema/desired"
)

// historian reads the branch's history, only when a spec asks for it, and
// then only what came since it was read last.
type historian struct {
	head  string
	lines map[configurationKey]*history.Line
	// built has what is needed to tell revisions apart by what they are built
	// from; nil in a repository that builds nothing.
	built *builtHistory
}

// line is the history of one configuration up to the current commit.
func (e *Engine) line(ctx context.Context, key configurationKey) (history.Line, error) {
	if e.history.head != e.snapshot.Commit.Hash {
		if err := e.readHistory(ctx); err != nil {
			return history.Line{}, err
		}
	}
	if l := e.history.lines[key]; l != nil {
		return *l, nil
	}
	return history.Line{}, nil
}

// readHistory walks back to what is known, or to the root, and then tells the
// lines what each commit described, oldest first.
func (e *Engine) readHistory(ctx context.Context) error {
	head := e.snapshot.Commit.Hash
	if len(e.builds.of) > 0 && e.history.built == nil && e.cfg.References != nil {
		e.history = historian{built: &builtHistory{specs: map[string]load.Part{}}} // what was read so far knew of no builds
	}
	var fresh []git.CommitChange
	known := false
	for change, err := range e.cfg.Repository.Log(ctx, head) {
		if err != nil {
			return err
		}
		if known = change.Commit.Hash == e.history.head; known {
			break
		}
		fresh = append(fresh, change)
	}
	if !known || e.history.lines == nil {
		e.history.lines = map[configurationKey]*history.Line{}
		if e.history.built != nil {
			e.history.built = &builtHistory{specs: map[string]load.Part{}}
		}
	}
	for _, change := range slices.Backward(fresh) {
		if err := e.describe(ctx, change); err != nil {
			e.history.head = ""
			return err
		}
	}
	e.history.head = head
	return nil
}

// describe tells the lines which workloads a commit's changed files hold.
func (e *Engine) describe(ctx context.Context, change git.CommitChange) error {
	c := history.Commit{
		Hash: change.Commit.Hash, Author: change.Commit.AuthorName, When: change.Commit.When,
		Subject: Subject(change.Commit.Message),
	}
	changed := map[string]load.Part{}
	for _, f := range change.Files {
		if !e.settings.Wants(load.File{Path: f.Path}) {
			continue
		}
		if f.NewBlob == "" {
			changed[f.Path] = load.Part{}
			continue
		}
		part, err := e.oldPart(ctx, f)
		if err != nil {
			return err
		}
		changed[f.Path] = part
	}
	if e.history.built != nil {
		return e.describeBuilt(ctx, c, change, changed)
	}
	for _, path := range slices.Sorted(maps.Keys(changed)) {
		for _, w := range workloads(changed[path]) {
			e.history.describe(c, w)
		}
	}
	return nil
}

// describe tells the line of a workload what a commit described.
func (h *historian) describe(c history.Commit, w desired.Workload) {
	key := configurationKey{w.Namespace, w.Configuration}
	if h.lines[key] == nil {
		h.lines[key] = &history.Line{}
	}
	h.lines[key].Describe(c, w)
}

// oldPart reads a file as a commit of the past had it. What could not be read
// then was no revision then.
func (e *Engine) oldPart(ctx context.Context, f git.FileChange) (load.Part, error) {
	if part, ok := e.parts[partKey{f.Path, f.NewBlob, git.Regular}]; ok {
		return part, nil
	}
	data, err := e.cfg.Repository.Blob(ctx, f.NewBlob, load.MaxSize)
	if errors.Is(err, git.ErrLimit) {
		return load.Part{}, nil
	}
	if err != nil {
		return load.Part{}, err
	}
	return load.Read(load.File{Path: f.Path, Blob: f.NewBlob, Data: data}, e.cfg.Kinds), nil
}

// workloads are those of a part's good specs.
func workloads(part load.Part) []desired.Workload {
	var out []desired.Workload
	for _, entry := range part.Entries {
		if source, ok := entry.Spec.(desired.Source); ok {
			out = append(out, source.Desire().Workloads...)
		}
	}
	return out
}

// Subject is the first line of a commit message.
func Subject(message string) string {
	subject, _, _ := strings.Cut(strings.TrimSpace(message), "\n")
	return subject
}
