package git

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-git/go-billy/v5"
	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/config"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// local is a repository on this machine. It is read where it lies, while
// others push to it and pack it.
type local struct {
	path   string
	branch string
	poll   time.Duration
	log    *slog.Logger
	// known says that the format was checked and is ours.
	known atomic.Bool
	// mounted is mountedFrom; first is what it said first, of the folder that
	// was given to us.
	mounted func(path string) string
	once    sync.Once
	first   string
}

func newLocal(c Config, place location) (*local, *database) {
	l := &local{path: place.path, branch: c.Branch, poll: c.Poll, log: c.Log, mounted: mountedFrom}
	return l, newDatabase(func() billy.Filesystem { return osfs.New(l.dir()) }, c.Limits)
}

// dir is the folder that holds HEAD, objects and refs: path/.git if it is
// there, else path itself. It is asked anew each time, for the repository may
// be made after us.
func (l *local) dir() string {
	dot := filepath.Join(l.path, ".git")
	if info, err := os.Stat(dot); err == nil && info.IsDir() {
		return dot
	}
	return l.path
}

// check says what is wrong with the folder, if anything.
func (l *local) check() error {
	e := &Error{Repository: l.path, Kind: ErrNoRepository}
	if info, err := os.Stat(filepath.Join(l.path, ".git")); err == nil && !info.IsDir() {
		e.Advice = "this is a linked work tree; give the path of its main repository"
		return e
	}
	if _, err := os.Stat(filepath.Join(l.dir(), "objects")); err != nil {
		e.Advice = "make one: git init --bare " + l.path
		if !errors.Is(err, fs.ErrNotExist) {
			e.Cause = err
			e.Advice = "give this user the right to read it"
		}
		return e
	}
	return l.checkFormat()
}

// checkMount refuses a folder that is mounted here and has been moved or
// deleted where it comes from: nobody pushes to it any more.
func (l *local) checkMount() error {
	l.once.Do(func() { l.first = l.mounted(l.path) })
	if l.first == "" || l.mounted(l.path) == l.first {
		return nil
	}
	return &Error{
		Repository: l.path, Kind: ErrNoRepository, Detail: "the folder was moved or deleted on its machine",
		Advice: "put it back; if another one is there now, restart the engine so that it sees that one",
	}
}

// checkFormat refuses what go-git would misread.
func (l *local) checkFormat() error {
	if l.known.Load() {
		return nil
	}
	f, err := os.Open(filepath.Join(l.dir(), "config"))
	if err != nil {
		return nil //nolint:nilerr // Git does without it too
	}
	defer f.Close()
	c := config.New()
	if err := config.NewDecoder(f).Decode(c); err != nil {
		return fmt.Errorf("%s: config: %w", l.path, err)
	}
	e := &Error{Repository: l.path, Kind: ErrNoRepository}
	section := c.Section("extensions")
	if format := section.Option("objectformat"); format != "" && format != "sha1" {
		e.Detail, e.Advice = "its hashes are "+format, "make it with git init --object-format=sha1"
		return e
	}
	if format := section.Option("refstorage"); format != "" && format != "files" {
		e.Detail, e.Advice = "its references are stored as "+format, "run git refs migrate --ref-format=files"
		return e
	}
	l.known.Store(true)
	return nil
}

// stored is a fresh view of the references.
func (l *local) stored() *filesystem.Storage {
	return filesystem.NewStorage(osfs.New(l.dir()), nil)
}

func (l *local) tip(ctx context.Context, branch string) (plumbing.Hash, error) {
	if err := ctx.Err(); err != nil {
		return plumbing.ZeroHash, err
	}
	if err := cmp.Or(l.checkMount(), l.checkFormat()); err != nil {
		return plumbing.ZeroHash, err
	}
	ref, err := storer.ResolveReference(l.stored(), plumbing.NewBranchReferenceName(branch))
	if err == nil {
		return ref.Hash(), nil
	}
	if bad := l.check(); bad != nil {
		return plumbing.ZeroHash, bad
	}
	if !errors.Is(err, plumbing.ErrReferenceNotFound) {
		return plumbing.ZeroHash, fmt.Errorf("%s: branch %s: %w", l.path, branch, err)
	}
	refs, err := l.references(ctx, true)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	return plumbing.ZeroHash, noBranch(l.path, branch, refs.branches())
}

func (l *local) references(ctx context.Context, _ bool) (references, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	stored := l.stored()
	it, err := stored.IterReferences()
	if err != nil {
		return nil, fmt.Errorf("%s: references: %w", l.path, err)
	}
	defer it.Close()
	refs := references{}
	err = it.ForEach(func(ref *plumbing.Reference) error {
		if ref.Type() == plumbing.HashReference {
			refs[ref.Name().String()] = reference{hash: ref.Hash()}
			return nil
		}
		target, err := storer.ResolveReference(stored, ref.Name())
		if err == nil {
			refs[ref.Name().String()] = reference{hash: target.Hash()}
		}
		return nil
	})
	return refs, err
}

func (r references) branches() []string {
	var names []string
	for name := range r {
		if branch, ok := strings.CutPrefix(name, "refs/heads/"); ok {
			names = append(names, branch)
		}
	}
	return names
}

func (l *local) bring(context.Context, plumbing.Hash) error { return nil }
func (l *local) mend(context.Context, plumbing.Hash) bool   { return false }
func (l *local) hint()                                      {}
func (l *local) close()                                     {}
