package git

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// Repository is one repository, local or remote. Its methods may be called
// from several goroutines.
type Repository struct {
	name    string
	branch  string
	limits  Limits
	db      *database
	source  source
	changes chan struct{}
	running atomic.Bool

	// mu guards last, the commit of the last Head, and what it listed.
	mu       sync.Mutex
	last     plumbing.Hash
	lastHead Snapshot
}

// source is where commits come from: a folder or a remote.
type source interface {
	// tip gives the newest commit of a branch, with its objects in the
	// database.
	tip(ctx context.Context, branch string) (plumbing.Hash, error)
	// references gives all references by full name. With fresh unset a remote
	// is not asked if it was before.
	references(ctx context.Context, fresh bool) (references, error)
	// bring sees to it that an object, and all it refers to, is there.
	bring(ctx context.Context, hash plumbing.Hash) error
	// mend makes up for an object that is missing behind one that is there,
	// and reports whether it did.
	mend(ctx context.Context, tip plumbing.Hash) bool
	// hint says that the next tip must look for itself.
	hint()
	// run watches and calls changed when something moved, until ctx ends.
	run(ctx context.Context, changed func()) error
	close()
}

// references are the references of a repository by full name.
type references map[string]reference

// reference is the object a name points to, and the commit behind it: zero if
// only the object itself can tell.
type reference struct {
	hash, commit plumbing.Hash
}

// New makes a Repository. It reads nothing and connects to nothing.
func New(c Config) (*Repository, error) {
	c = c.withDefaults()
	if err := c.validate(); err != nil {
		return nil, err
	}
	place, err := parseLocation(c.URL)
	if err != nil {
		return nil, err
	}
	c.Log = c.Log.With("repository", place.String())
	r := &Repository{
		name:    place.String(),
		branch:  c.Branch,
		limits:  c.Limits,
		changes: make(chan struct{}, 1),
	}
	if place.local() {
		r.source, r.db = newLocal(c, place)
		return r, nil
	}
	remote, err := newRemote(c, place)
	if err != nil {
		return nil, err
	}
	r.source, r.db = remote, remote.db
	return r, nil
}

// String is the URL without credentials, or the path.
func (r *Repository) String() string { return r.name }

// Run watches the repository until ctx ends, and says so on Changes when
// something moved. Trouble is logged and does not end it.
func (r *Repository) Run(ctx context.Context) error {
	if !r.running.CompareAndSwap(false, true) {
		return fmt.Errorf("%s: is being watched already", r.name)
	}
	defer r.running.Store(false)
	return r.source.run(ctx, r.changed)
}

// Changes says that something may have moved since it was last read from.
// Several movements may be one signal; it is never closed.
func (r *Repository) Changes() <-chan struct{} { return r.changes }

// Hint has somebody else say that something moved, such as a webhook.
func (r *Repository) Hint() {
	r.source.hint()
	r.changed()
}

func (r *Repository) changed() {
	select {
	case r.changes <- struct{}{}:
	default:
	}
}

// Close lets go of files and connections. The Repository remains usable and
// opens them again if asked.
func (r *Repository) Close() error {
	r.source.close()
	r.db.close()
	return nil
}

// Head brings the branch up to date and lists its newest commit. With an
// error, what was brought before remains readable.
func (r *Repository) Head(ctx context.Context) (Snapshot, error) {
	tip, err := r.source.tip(ctx, r.branch)
	if err != nil {
		return Snapshot{}, err
	}
	if s, same := r.unchanged(tip); same {
		return s, nil
	}
	s, err := r.snapshot(tip)
	if errors.Is(err, ErrNoObject) && r.source.mend(ctx, tip) {
		s, err = r.snapshot(tip)
	}
	if err != nil {
		return Snapshot{}, err
	}
	return r.compare(s, tip)
}

// unchanged gives the last Head again if the branch has not moved.
func (r *Repository) unchanged(tip plumbing.Hash) (Snapshot, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.lastHead
	s.Previous, s.Rewritten = tip.String(), false
	return s, r.last == tip
}

// compare says how a snapshot relates to the last Head, and remembers it.
func (r *Repository) compare(s Snapshot, tip plumbing.Hash) (Snapshot, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.last.IsZero() {
		straight, err := r.db.isAncestor(r.last, tip)
		if err != nil {
			return Snapshot{}, r.wrap(err)
		}
		s.Previous, s.Rewritten = r.last.String(), !straight
	}
	r.last, r.lastHead = tip, s
	return s, nil
}

// snapshot lists the commit behind a hash: a commit's, or a tag's.
func (r *Repository) snapshot(hash plumbing.Hash) (Snapshot, error) {
	hash, err := r.db.peel(hash)
	if err != nil {
		return Snapshot{}, r.wrap(err)
	}
	c, err := r.db.commit(hash)
	if err != nil {
		return Snapshot{}, r.wrap(err)
	}
	files, err := r.db.list(c.TreeHash)
	if err != nil {
		return Snapshot{}, r.wrap(fmt.Errorf("commit %s: %w", hash, err))
	}
	return Snapshot{Commit: commitFrom(c), Tree: c.TreeHash.String(), Files: files}, nil
}

// Blob reads a blob of at most limit bytes; 0 is [Limits].Blob. The size is
// known before anything is inflated. ErrLimit says that it is larger.
func (r *Repository) Blob(ctx context.Context, hash string, limit int64) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if limit <= 0 {
		limit = r.limits.Blob
	}
	h, ok := hashOf(hash)
	if !ok {
		return nil, r.wrap(fmt.Errorf("%w: %q is no blob hash", ErrNoObject, hash))
	}
	content, err := r.db.blob(h, limit)
	return content, r.wrap(err)
}

func (r *Repository) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", r.name, err)
}

func commitFrom(c *object.Commit) Commit {
	parents := make([]string, len(c.ParentHashes))
	for i, p := range c.ParentHashes {
		parents[i] = p.String()
	}
	return Commit{
		Hash:        c.Hash.String(),
		Parents:     parents,
		AuthorName:  c.Author.Name,
		AuthorEmail: c.Author.Email,
		When:        c.Author.When,
		Committed:   c.Committer.When,
		Message:     c.Message,
	}
}
