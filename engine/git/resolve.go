package git

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// Resolve lists what a tag, a branch, a full reference name or a commit hash
// (4 digits or more) stands for, in this order. ErrNoRef says that there is
// nothing of that name. Of a remote's commits those that no reference leads
// to are found only if they were fetched before, or by their full hash if the
// remote gives them out.
func (r *Repository) Resolve(ctx context.Context, name string) (Snapshot, error) {
	_, hash, err := r.locate(ctx, name)
	if err != nil {
		return Snapshot{}, err
	}
	if err := r.source.bring(ctx, hash); err != nil {
		return Snapshot{}, err
	}
	return r.snapshot(hash)
}

// Find says which commit a name stands for, as Resolve does, and which
// reference that is: Name is empty for a commit's hash. Its objects are there
// afterwards.
func (r *Repository) Find(ctx context.Context, name string) (Ref, error) {
	full, hash, err := r.locate(ctx, name)
	if err != nil {
		return Ref{}, err
	}
	if err := r.source.bring(ctx, hash); err != nil {
		return Ref{}, err
	}
	commit, err := r.db.peel(hash)
	if err != nil {
		return Ref{}, r.wrap(err)
	}
	return Ref{Name: full, Commit: commit.String()}, nil
}

// locate is find, with a fresh look if nothing of that name is known.
func (r *Repository) locate(ctx context.Context, name string) (full string, hash plumbing.Hash, err error) {
	full, hash, err = r.find(ctx, name, false)
	if errors.Is(err, ErrNoRef) {
		full, hash, err = r.find(ctx, name, true)
	}
	return full, hash, err
}

// find gives the hash behind a name, and the name in full if it is that of a
// reference, from what is known of the references or from a fresh look at them.
func (r *Repository) find(ctx context.Context, name string, fresh bool) (string, plumbing.Hash, error) {
	if hash, ok := hashOf(name); ok {
		return "", hash, nil
	}
	refs, err := r.source.references(ctx, fresh)
	if err != nil {
		return "", plumbing.ZeroHash, err
	}
	for _, full := range []string{"refs/tags/" + name, "refs/heads/" + name, name} {
		if ref, ok := refs[full]; ok && (validRef(full) || full == "HEAD") {
			return full, ref.hash, nil
		}
	}
	hash, err := r.abbreviated(name)
	return "", hash, err
}

// abbreviated finds the one commit whose hash begins with the given digits.
func (r *Repository) abbreviated(name string) (plumbing.Hash, error) {
	nothing := &Error{Repository: r.name, Kind: ErrNoRef, Detail: fmt.Sprintf("%q", name), Advice: "push it, or name a tag, branch or commit that is there"}
	if len(name) < 4 || len(name) > 40 {
		return plumbing.ZeroHash, nothing
	}
	prefix, err := hex.DecodeString(name[:len(name)&^1])
	if err != nil {
		return plumbing.ZeroHash, nothing
	}
	found, err := r.db.commitsWith(prefix, strings.ToLower(name))
	switch {
	case err != nil:
		return plumbing.ZeroHash, r.wrap(err)
	case len(found) == 0:
		return plumbing.ZeroHash, nothing
	case len(found) > 1:
		nothing.Detail = fmt.Sprintf("%q is short for %s and %s", name, found[0], found[1])
		nothing.Advice = "write more of the hash"
		return plumbing.ZeroHash, nothing
	}
	return found[0], nil
}

// commitsWith gives the commits whose hashes begin with the bytes of prefix
// and the digits of name.
func (d *database) commitsWith(prefix []byte, name string) (found []plumbing.Hash, err error) {
	err = d.read(func(s *filesystem.Storage) error {
		found = nil
		hashes, err := s.HashesWithPrefix(prefix)
		if err != nil {
			return err
		}
		for _, h := range hashes {
			if !strings.HasPrefix(h.String(), name) {
				continue
			}
			if _, err := s.EncodedObject(plumbing.CommitObject, h); err == nil {
				found = append(found, h)
			}
		}
		return nil
	})
	return found, err
}

// peel gives the commit behind a tag, or the commit itself.
func (d *database) peel(hash plumbing.Hash) (commit plumbing.Hash, err error) {
	err = d.read(func(s *filesystem.Storage) error {
		commit, err = peelIn(s, hash)
		return err
	})
	return commit, err
}

func peelIn(s *filesystem.Storage, hash plumbing.Hash) (plumbing.Hash, error) {
	for range 10 {
		size, err := sizeOf(s, hash)
		if err != nil {
			return hash, fmt.Errorf("object %s: %w", hash, err)
		}
		if size > maxCommit {
			return hash, limit("object %s is %d bytes long; a tag or commit has at most %d", hash, size, maxCommit)
		}
		o, err := s.EncodedObject(plumbing.AnyObject, hash)
		if err != nil {
			return hash, fmt.Errorf("object %s: %w", hash, err)
		}
		if o.Type() == plumbing.CommitObject {
			return hash, nil
		}
		tag, err := object.DecodeTag(s, o)
		if err != nil {
			return hash, fmt.Errorf("%w: %s is a %s, not a commit or a tag of one", ErrNoRef, hash, o.Type())
		}
		hash = tag.Target
	}
	return hash, fmt.Errorf("%w: %s is a tag of a tag of a tag without end", ErrNoRef, hash)
}
