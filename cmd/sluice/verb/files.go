package verb

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sluice-dev/sluice/engine"
	"github.com/sluice-dev/sluice/engine/git"
)

// folder is a folder of files as if it were a commit: what `validate PATH` and
// `plan PATH` read, uncommitted changes and all.
type folder struct {
	root string
	// only names the single file to read, where PATH is one.
	only string
	// past is the repository that the folder is the work tree of, if it is one:
	// its branch gives revisions their ordinals.
	past engine.Repository
}

// openFolder opens a folder or a single file.
func openFolder(path string) (folder, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return folder{}, fmt.Errorf("%s: no such file or folder", path)
	case err != nil:
		return folder{}, err
	case info.IsDir():
		return folder{root: path}, nil
	}
	return folder{root: filepath.Dir(path), only: filepath.Base(path)}, nil
}

// onDisk begins the blobs of the folder's own files, before their paths; those
// of its history are hashes.
const onDisk = "file:"

// Head lists the folder's files, sorted as in a commit.
func (f folder) Head(ctx context.Context) (git.Snapshot, error) {
	s := git.Snapshot{Commit: git.Commit{Hash: "worktree", Message: "files in " + f.root}}
	err := filepath.WalkDir(f.root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		rel, err := filepath.Rel(f.root, path)
		if err != nil || rel == "." {
			return err
		}
		if d.IsDir() {
			if strings.HasPrefix(d.Name(), ".") || f.only != "" {
				return fs.SkipDir
			}
			if _, err := os.Lstat(filepath.Join(path, ".git")); err == nil {
				s.Files = append(s.Files, git.Entry{Path: filepath.ToSlash(rel), Mode: git.Submodule})
				return fs.SkipDir
			}
			return nil
		}
		if f.only != "" && rel != f.only {
			return nil
		}
		return f.entry(&s, path, filepath.ToSlash(rel), d)
	})
	slices.SortFunc(s.Files, func(a, b git.Entry) int { return strings.Compare(a.Path, b.Path) })
	return s, err
}

func (f folder) entry(s *git.Snapshot, path, rel string, d fs.DirEntry) error {
	info, err := d.Info()
	if err != nil {
		return err
	}
	e := git.Entry{Path: rel, Blob: onDisk + path, Size: info.Size()}
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		e.Mode = git.Symlink
	case !info.Mode().IsRegular():
		return nil
	}
	s.Files = append(s.Files, e)
	return nil
}

// Blob reads a file, or what one of the history was. A file that is still being
// written may be longer than it was listed.
func (f folder) Blob(ctx context.Context, blob string, limit int64) ([]byte, error) {
	path, found := strings.CutPrefix(blob, onDisk)
	if !found {
		if f.past == nil {
			return nil, fmt.Errorf("%s: no history here", blob)
		}
		return f.past.Blob(ctx, blob, limit)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > limit {
		return nil, fmt.Errorf("%s: %d bytes, more than %d", path, info.Size(), limit)
	}
	return os.ReadFile(path)
}

// Log is the history of the branch that the folder is a work tree of; empty
// where there is none.
func (f folder) Log(ctx context.Context, _ string) iter.Seq2[git.CommitChange, error] {
	if f.past == nil {
		return func(func(git.CommitChange, error) bool) {}
	}
	head, err := f.past.Head(ctx)
	if errors.Is(err, git.ErrNoBranch) {
		return func(func(git.CommitChange, error) bool) {}
	}
	if err != nil {
		return func(yield func(git.CommitChange, error) bool) { yield(git.CommitChange{}, err) }
	}
	return f.past.Log(ctx, head.Commit.Hash)
}

// references is what a repository knows of refs beside its branch; nil where
// that is nothing.
func references(repository engine.Repository) engine.References {
	if f, ok := repository.(folder); ok {
		repository = f.past
	}
	refs, _ := repository.(engine.References)
	return refs
}
