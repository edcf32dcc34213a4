package git

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/memory"
)

// ErrMoved: somebody else has pushed to the branch meanwhile.
var ErrMoved = errors.New("the branch has moved")

// Change is a commit to be made on the branch: one file becomes what it was.
type Change struct {
	// Parent is the branch's newest commit. If it is that no longer, nothing is
	// written and the error is ErrMoved.
	Parent string
	// Path is a file of Parent, Blob the hash of the content that it gets. The
	// content is in the repository already.
	Path, Blob string
	// AuthorName and AuthorEmail sign it, When dates it, Message says why.
	AuthorName, AuthorEmail string
	When                    time.Time
	Message                 string
	// SigningKeyFile is an SSH private key in OpenSSH or PEM form that signs the
	// commit. Default: it is not signed.
	SigningKeyFile string
}

// Commit makes the commit and pushes it; it gives its hash. The branch moves
// by compare-and-swap: nobody's work is lost.
func (r *Repository) Commit(ctx context.Context, c Change) (string, error) {
	parent, ok := hashOf(c.Parent)
	blob, also := hashOf(c.Blob)
	if !ok || !also {
		return "", r.wrap(fmt.Errorf("%w: %q and %q are no commit and blob", ErrNoObject, c.Parent, c.Blob))
	}
	made := memory.NewStorage()
	var hash plumbing.Hash
	err := r.db.read(func(s *filesystem.Storage) (err error) {
		made = memory.NewStorage()
		hash, err = makeCommit(s, made, parent, blob, c)
		return err
	})
	if err != nil {
		return "", r.wrap(err)
	}
	target, ok := r.source.(interface {
		push(ctx context.Context, branch string, old, now plumbing.Hash, made *memory.Storage) error
	})
	if !ok {
		return "", r.wrap(errors.New("this repository cannot be pushed to from here"))
	}
	if err := target.push(ctx, r.branch, parent, hash, made); err != nil {
		return "", r.wrapOnce(err)
	}
	return hash.String(), nil
}

// makeCommit puts the new trees and the commit into made.
func makeCommit(s *filesystem.Storage, made *memory.Storage, parent, blob plumbing.Hash, c Change) (plumbing.Hash, error) {
	before, err := commitOf(s, parent)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	tree, err := withBlob(s, made, before.TreeHash, strings.Split(c.Path, "/"), blob)
	if err != nil {
		return plumbing.ZeroHash, fmt.Errorf("%s: %w", c.Path, err)
	}
	who := object.Signature{Name: cmp.Or(c.AuthorName, "Sluice"), Email: cmp.Or(c.AuthorEmail, "sluice@localhost"), When: c.When}
	commit := &object.Commit{Author: who, Committer: who, Message: c.Message, TreeHash: tree, ParentHashes: []plumbing.Hash{parent}}
	if c.SigningKeyFile != "" {
		if err := signCommit(commit, c.SigningKeyFile); err != nil {
			return plumbing.ZeroHash, err
		}
	}
	o := made.NewEncodedObject()
	if err := commit.Encode(o); err != nil {
		return plumbing.ZeroHash, err
	}
	return made.SetEncodedObject(o)
}

// withBlob makes a tree that differs in one file, and the trees above it.
func withBlob(s *filesystem.Storage, made *memory.Storage, tree plumbing.Hash, path []string, blob plumbing.Hash) (plumbing.Hash, error) {
	t, err := object.GetTree(s, tree)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	entries := slices.Clone(t.Entries)
	i := slices.IndexFunc(entries, func(e object.TreeEntry) bool { return e.Name == path[0] })
	switch {
	case i < 0:
		return plumbing.ZeroHash, fmt.Errorf("%w: %q", ErrNoObject, path[0])
	case len(path) > 1:
		if entries[i].Hash, err = withBlob(s, made, entries[i].Hash, path[1:], blob); err != nil {
			return plumbing.ZeroHash, err
		}
	case entries[i].Mode != filemode.Regular && entries[i].Mode != filemode.Executable:
		return plumbing.ZeroHash, fmt.Errorf("%q is no file", path[0])
	default:
		entries[i].Hash = blob
	}
	o := made.NewEncodedObject()
	if err := (&object.Tree{Entries: entries}).Encode(o); err != nil {
		return plumbing.ZeroHash, err
	}
	return made.SetEncodedObject(o)
}
