package git

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/transport"
)

const (
	// askTimeout is how long a remote may take to tell its references.
	askTimeout = 30 * time.Second
	// fetchTimeout is how long it may take to send what we lack.
	fetchTimeout = 10 * time.Minute
	// tipsRemembered is how many fetched commits are offered as known.
	tipsRemembered = 16
)

// remote is a repository elsewhere, and our clone of it. Each look at it is
// one request for the references, and one more if something is new.
type remote struct {
	place  location
	branch string
	poll   time.Duration
	limits Limits
	log    *slog.Logger
	dialer dialer
	clone  *bare
	db     *database

	// busy holds one token: one conversation at a time.
	busy chan struct{}

	// mu guards all below.
	mu sync.Mutex
	// refs is what the remote said last, given what it said when tip was last
	// called, tips what was fetched.
	refs, given references
	tips        []plumbing.Hash
	// ahead says that refs is newer than given and nobody has hinted since, so
	// the next tip need not ask again.
	ahead bool
}

// dialer begins a conversation with one of git's programs on the other side.
type dialer interface {
	// dial is for git-upload-pack, dialPush for git-receive-pack.
	dial(ctx context.Context) (session, error)
	dialPush(ctx context.Context) (pushSession, error)
	// explain says what an error of a session means.
	explain(err error) error
	close()
}

// session is one conversation: references, then perhaps a pack.
type session interface {
	AdvertisedReferencesContext(ctx context.Context) (*packp.AdvRefs, error)
	UploadPack(ctx context.Context, req *packp.UploadPackRequest) (*packp.UploadPackResponse, error)
	Close() error
}

// pushSession is one conversation: references, then a pack for the remote.
type pushSession interface {
	AdvertisedReferencesContext(ctx context.Context) (*packp.AdvRefs, error)
	ReceivePack(ctx context.Context, req *packp.ReferenceUpdateRequest) (*packp.ReportStatus, error)
	Close() error
}

func newRemote(c Config, place location) (*remote, error) {
	m := &remote{
		place:  place,
		branch: c.Branch,
		poll:   c.Poll,
		limits: c.Limits,
		log:    c.Log,
		clone:  newBare(c.Dir, c.Branch),
		busy:   make(chan struct{}, 1),
	}
	var err error
	if place.scheme == "ssh" {
		m.dialer, err = newSSHDialer(place, c.Auth)
	} else {
		m.dialer, err = newHTTPDialer(place, c.Auth, c.Limits.Fetch)
	}
	m.db = newDatabase(m.clone.root, c.Limits)
	return m, err
}

// tip asks the remote, unless run did a moment ago and nobody hinted since.
func (m *remote) tip(ctx context.Context, branch string) (plumbing.Hash, error) {
	if m.takeAhead() {
		return m.inRefs(branch)
	}
	if err := m.look(ctx); err != nil {
		return plumbing.ZeroHash, err
	}
	m.takeAhead()
	return m.inRefs(branch)
}

// takeAhead reports whether refs is ahead of what was given, and gives it.
func (m *remote) takeAhead() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	ahead := m.ahead
	m.given, m.ahead = m.refs, false
	return ahead
}

func (m *remote) inRefs(branch string) (plumbing.Hash, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if ref, ok := m.refs["refs/heads/"+branch]; ok {
		return ref.hash, nil
	}
	return plumbing.ZeroHash, noBranch(m.place.String(), branch, m.refs.branches())
}

// look asks for the references and fetches the branch if it moved.
func (m *remote) look(ctx context.Context) error {
	return m.converse(ctx, func(ctx context.Context, s session, adv *packp.AdvRefs) error {
		refs := referencesFrom(adv)
		if ref, ok := refs["refs/heads/"+m.branch]; ok {
			if err := m.fetch(ctx, s, adv, ref.hash); err != nil {
				return err
			}
			if err := m.remember(ref.hash); err != nil {
				return err
			}
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		m.refs = refs
		return nil
	})
}

// converse opens a session, reads the references and goes on with f. The
// errors of all of it come out explained.
func (m *remote) converse(ctx context.Context, f func(context.Context, session, *packp.AdvRefs) error) error {
	select {
	case m.busy <- struct{}{}:
		defer func() { <-m.busy }()
	case <-ctx.Done():
		return ctx.Err()
	}
	limited, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	err := m.converseAlone(limited, f)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return m.explain(err)
}

func (m *remote) converseAlone(ctx context.Context, f func(context.Context, session, *packp.AdvRefs) error) error {
	// A deadline for the references alone, which leaves what follows be.
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	slow := time.AfterFunc(askTimeout, func() { cancel(errSlow) })
	defer slow.Stop()
	s, err := m.dialer.dial(ctx)
	if err != nil {
		return orCause(ctx, err)
	}
	defer s.Close()
	adv, err := s.AdvertisedReferencesContext(ctx)
	if errors.Is(err, transport.ErrEmptyRemoteRepository) {
		adv, err = packp.NewAdvRefs(), nil
	}
	if err != nil {
		return orCause(ctx, err)
	}
	slow.Stop()
	return orCause(ctx, f(ctx, s, adv))
}

var errSlow = errors.New("no answer within " + askTimeout.String())

// orCause prefers why a context was cancelled over what broke because of it.
func orCause(ctx context.Context, err error) error {
	if err != nil && errors.Is(context.Cause(ctx), errSlow) {
		return errSlow
	}
	return err
}

func referencesFrom(adv *packp.AdvRefs) references {
	refs := make(references, len(adv.References))
	for name, hash := range adv.References {
		ref := reference{hash: hash, commit: adv.Peeled[name]}
		if ref.commit.IsZero() && strings.HasPrefix(name, "refs/heads/") {
			ref.commit = hash
		}
		refs[name] = ref
	}
	if adv.Head != nil {
		refs["HEAD"] = reference{hash: *adv.Head, commit: *adv.Head}
	}
	return refs
}

func (m *remote) references(ctx context.Context, fresh bool) (references, error) {
	m.mu.Lock()
	refs := m.refs
	m.mu.Unlock()
	if refs != nil && !fresh {
		return refs, nil
	}
	if err := m.look(ctx); err != nil {
		if known := m.remembered(); refs == nil && known != nil {
			return known, nil // of an earlier run, while the remote is away
		}
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.refs), nil
}

// heard reports whether the remote has told its references since this process
// began.
func (m *remote) heard() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.refs != nil
}

func (m *remote) bring(ctx context.Context, hash plumbing.Hash) error {
	if m.db.has(hash) {
		return nil
	}
	return m.converse(ctx, func(ctx context.Context, s session, adv *packp.AdvRefs) error {
		return m.fetch(ctx, s, adv, hash)
	})
}

// mend makes the clone afresh: somebody has been at its folder, or the disk
// has.
func (m *remote) mend(ctx context.Context, tip plumbing.Hash) bool {
	m.log.WarnContext(ctx, "the clone is damaged, making it afresh", "commit", tip.String())
	err := m.converse(ctx, func(ctx context.Context, s session, adv *packp.AdvRefs) error {
		return m.fetchAfresh(ctx, s, adv, tip)
	})
	return err == nil
}

func (m *remote) hint() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ahead = false
}

func (m *remote) close() { m.dialer.close() }

func (m *remote) remember(tip plumbing.Hash) (err error) {
	m.db.alone(func() { err = m.clone.remember(tip) })
	return err
}

func (m *remote) remembered() (refs references) {
	m.db.alone(func() { refs = m.clone.remembered() })
	return refs
}
