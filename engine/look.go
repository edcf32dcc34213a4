package engine

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/sluice-dev/sluice/engine/git"
	"github.com/sluice-dev/sluice/engine/load"
	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/schema"
)

// partKey is what load.Read's answer depends on.
type partKey struct {
	path, blob string
	mode       git.Mode
}

// look reads the branch's newest commit. Where that fails, the last good one
// stays in force.
func (e *Engine) look(ctx context.Context) {
	snapshot, err := e.head(ctx)
	if err == nil && snapshot.Commit.Hash == e.snapshot.Commit.Hash {
		e.lookErr = nil
		return
	}
	if err == nil {
		err = e.read(ctx, snapshot)
	}
	if e.lookErr = err; err != nil {
		e.cfg.Log.Error("repository cannot be read", "error", err)
		return
	}
	if snapshot.Rewritten {
		e.cfg.Log.Warn("branch was force-pushed", "branch", e.cfg.Branch, "from", snapshot.Previous, "commit", snapshot.Commit.Hash)
	}
	e.snapshot = snapshot
	e.tries = map[manifest.ID]try{} // a new commit is a new chance
	e.lower()
	e.cfg.Log.Info("commit read", "commit", snapshot.Commit.Hash, "specs", len(e.tree.Specs), "problems", len(e.tree.Problems))
}

// head is the commit that was read while the last pass wrote, or a fresh one.
func (e *Engine) head(ctx context.Context) (git.Snapshot, error) {
	if next := e.next; next != nil {
		e.next = nil
		return *next, nil
	}
	return e.cfg.Repository.Head(ctx)
}

// read makes the tree of a snapshot, from cached parts where the blob is known.
func (e *Engine) read(ctx context.Context, snapshot git.Snapshot) error {
	settings, warnings, err := e.readSettings(ctx, snapshot)
	if err != nil {
		return err
	}
	files := slices.DeleteFunc(slices.Clone(snapshot.Files), func(f git.Entry) bool { return !settings.Wants(loadFile(f)) })
	parts := make([]load.Part, len(files))
	fresh := 0
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, f := range files {
		if part, ok := e.parts[partKey{f.Path, f.Blob, f.Mode}]; ok {
			parts[i] = part
			continue
		}
		fresh++
		g.Go(func() (err error) {
			parts[i], err = e.readFile(ctx, f)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	e.keepParts(files, parts, fresh)
	e.settings, e.tree = settings, load.Join(parts)
	e.tree.Problems = append(e.tree.Problems, warnings...)
	e.paths = nil
	if len(e.tree.Unreadable) == 0 {
		return nil // nobody asks
	}
	e.paths = make(map[string]bool, len(snapshot.Files))
	for _, f := range snapshot.Files {
		e.paths[f.Path] = true
	}
	return nil
}

// readSettings reads the repository's own settings. While they are wrong
// nobody knows which files count: the last good commit stays in force.
func (e *Engine) readSettings(ctx context.Context, snapshot git.Snapshot) (load.Settings, []schema.Problem, error) {
	i, found := slices.BinarySearchFunc(snapshot.Files, load.SettingsPath, func(f git.Entry, path string) int { return strings.Compare(f.Path, path) })
	if !found {
		return load.Settings{}, nil, nil
	}
	file, err := e.content(ctx, snapshot.Files[i])
	if err != nil {
		return load.Settings{}, nil, err
	}
	settings, problems := load.ReadSettings(file)
	if schema.HasErrors(problems) {
		return load.Settings{}, nil, &SettingsError{Problems: problems}
	}
	return settings, problems, nil
}

// SettingsError is a sluice.yaml that cannot be understood.
type SettingsError struct{ Problems []schema.Problem }

// Error is the first problem.
func (e *SettingsError) Error() string { return e.Problems[0].String() }

// readFile reads one file that is not cached.
func (e *Engine) readFile(ctx context.Context, f git.Entry) (load.Part, error) {
	file, err := e.content(ctx, f)
	if err != nil {
		return load.Part{}, err
	}
	return load.Read(file, e.cfg.Kinds), nil
}

// content is a file with its data. One over the limit is handed on without:
// load refuses it by name.
func (e *Engine) content(ctx context.Context, f git.Entry) (load.File, error) {
	file := loadFile(f)
	if !f.Mode.IsFile() || f.Size > load.MaxSize {
		return file, nil
	}
	data, err := e.cfg.Repository.Blob(ctx, f.Blob, load.MaxSize)
	if err != nil {
		return load.File{}, fmt.Errorf("%s: %w", f.Path, err)
	}
	file.Data = data
	return file, nil
}

// partsKept is how many parts of earlier commits are remembered, for reverts.
const partsKept = 256

// keepParts remembers the parts of this commit, of which some are fresh, and
// forgets all others once they are too many.
func (e *Engine) keepParts(files []git.Entry, parts []load.Part, fresh int) {
	if len(e.parts)+fresh > len(files)+partsKept {
		clear(e.parts)
	}
	for i, f := range files {
		e.parts[partKey{f.Path, f.Blob, f.Mode}] = parts[i]
	}
}

// loadFile says the same entry in the loader's words.
func loadFile(f git.Entry) load.File {
	file := load.File{Path: f.Path, Blob: f.Blob, Size: f.Size}
	switch f.Mode {
	case git.Symlink:
		file.Mode = load.Symlink
	case git.Submodule:
		file.Mode = load.Submodule
	case git.Regular, git.Executable:
	}
	return file
}
