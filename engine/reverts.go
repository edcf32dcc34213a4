package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sluice-dev/sluice/engine/git"
)

// Committer makes commits on the branch. *git.Repository is one.
type Committer interface {
	// Commit makes a commit and pushes it; git.ErrMoved says that the branch is
	// not at its parent any more.
	Commit(ctx context.Context, c git.Change) (hash string, err error)
}

// Author signs the engine's own commits.
type Author struct {
	// Name and Email are the author's. Default: Sluice, sluice@localhost.
	Name, Email string
	// SigningKeyFile is an SSH private key; without one commits are not signed.
	SigningKeyFile string
}

const (
	// revertTimeout is how long a push may take: the loop waits for it.
	revertTimeout = 10 * time.Second
	// revertAgain is when a push that failed is tried again.
	revertAgain = time.Minute
)

// reverts are the revisions whose commits were taken back, or when that is to
// be tried again.
type reverts map[revisionKey]time.Time

// revertHeld takes the commits back that brought revisions which are on hold,
// if the repository asks for that.
func (e *Engine) revertHeld(ctx context.Context) {
	if e.settings.Rollouts == nil || !e.settings.Rollouts.Revert || e.cfg.Committer == nil || e.next != nil {
		return
	}
	for _, u := range e.units {
		for share, s := range heldShares(u) {
			key := revisionKey{u.namespace(), s.Held.Revision}
			if again, tried := e.reverts[key]; tried && (again.IsZero() || e.cfg.Now().Before(again)) {
				continue
			}
			if e.reverts == nil {
				e.reverts = reverts{}
			}
			e.reverts[key] = e.revert(ctx, u, configurationOf(share), s.Held.Revision, s.Held.Why)
		}
	}
}

// revert takes one commit back as far as it is about the unit's file; it gives
// when to try again, zero if there is nothing to try.
func (e *Engine) revert(ctx context.Context, u *unit, configuration, revision, why string) (again time.Time) {
	log := e.cfg.Log.With("spec", u.entry.Identity.String(), "revision", revision)
	ctx, cancel := context.WithTimeout(ctx, revertTimeout)
	defer cancel()
	change, err := e.undo(ctx, u, configurationKey{u.namespace(), configuration}, revision, why)
	if err == nil {
		var hash string
		if hash, err = e.cfg.Committer.Commit(ctx, change); err == nil {
			log.Info("revert committed", "commit", hash)
			return time.Time{}
		}
	}
	if errors.Is(err, errNothingToRevert) {
		log.Warn("the commit is not reverted", "error", err)
		return time.Time{}
	}
	log.Warn("the revert cannot be pushed; trying again", "error", err)
	return e.cfg.Now().Add(revertAgain)
}

// errNothingToRevert: a commit is not what takes the revision back.
var errNothingToRevert = errors.New("no one commit brought it")

// undo is the change that gives the unit's file back what it held before the
// commit that brought the revision. A file that has changed since is somebody's
// work.
func (e *Engine) undo(ctx context.Context, u *unit, key configurationKey, revision, why string) (git.Change, error) {
	line, err := e.line(ctx, key)
	if err != nil {
		return git.Change{}, err
	}
	r, ok := line.Find(revision)
	if !ok {
		return git.Change{}, errNothingToRevert
	}
	for change, err := range e.cfg.Repository.Log(ctx, r.Last.Hash) {
		if err != nil {
			return git.Change{}, err
		}
		for _, f := range change.Files {
			if f.Path == u.entry.File && f.OldBlob != "" && f.NewBlob == e.blobAt(f.Path) {
				return git.Change{
					Parent: e.snapshot.Commit.Hash, Path: f.Path, Blob: f.OldBlob, When: e.cfg.Now(),
					AuthorName: e.cfg.Author.Name, AuthorEmail: e.cfg.Author.Email, SigningKeyFile: e.cfg.Author.SigningKeyFile,
					Message: fmt.Sprintf("Revert %q\n\nRevision %s is on hold: %s.\n\nThis gives %s back what it held before commit %s.\n",
						r.Last.Subject, revision, why, f.Path, r.Last.Hash),
				}, nil
			}
		}
		break
	}
	return git.Change{}, fmt.Errorf("%w, or its file has changed since", errNothingToRevert)
}
