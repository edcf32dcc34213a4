package lastgood

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/sluice-dev/sluice/engine/git"
	"github.com/sluice-dev/sluice/schema/contract"
)

// Source is the repository itself.
type Source interface {
	Head(ctx context.Context) (git.Snapshot, error)
	Blob(ctx context.Context, hash string, limit int64) ([]byte, error)
	Log(ctx context.Context, from string) iter.Seq2[git.CommitChange, error]
}

// Config of a Repository. Source and Client are required.
type Config struct {
	Source Source
	// Name tells repositories apart: what was kept of another one is not used.
	Name string
	// Client keeps the commit.
	Client kubernetes.Interface
	// Every is how long a commit waits, so that what it asks for is written
	// first, and the shortest time between two writes. Default 2 s.
	Every time.Duration
	// Log gets what an operator acts on. Default: discarded.
	Log *slog.Logger
}

// Repository is a Source with a memory in the cluster.
type Repository struct {
	cfg   Config
	fresh chan git.Snapshot // the newest that is not kept yet

	lock  sync.Mutex // guards what follows
	seen  bool       // the source could be read once
	kept  string     // the commit that is in the cluster
	blobs map[string][]byte
}

// New wraps a Source. Nothing is read or written yet.
func New(cfg Config) (*Repository, error) {
	if cfg.Source == nil || cfg.Client == nil {
		return nil, errors.New("lastgood: Source and Client are required")
	}
	if cfg.Every <= 0 {
		cfg.Every = 2 * time.Second
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Repository{cfg: cfg, fresh: make(chan git.Snapshot, 1)}, nil
}

// Head is the Source's; if that cannot be read and never could since this
// process began, the commit that is kept in the cluster.
func (r *Repository) Head(ctx context.Context) (git.Snapshot, error) {
	s, err := r.cfg.Source.Head(ctx)
	r.lock.Lock()
	defer r.lock.Unlock()
	if err == nil {
		r.seen, r.blobs = true, nil
		if s.Commit.Hash != r.kept {
			r.offer(s)
		}
		return s, nil
	}
	if r.seen || r.blobs != nil {
		return s, err
	}
	old, loadErr := r.load(ctx)
	if loadErr != nil {
		return s, err
	}
	r.cfg.Log.Warn("repository cannot be read; going on from the commit kept in the cluster", "commit", old.Snapshot.Commit.Hash, "error", err)
	r.blobs = old.Blobs
	return old.Snapshot, nil
}

// Blob is the Source's, or what is kept.
func (r *Repository) Blob(ctx context.Context, hash string, limit int64) ([]byte, error) {
	r.lock.Lock()
	b, ok := r.blobs[hash]
	r.lock.Unlock()
	if ok {
		return b, nil
	}
	return r.cfg.Source.Blob(ctx, hash, limit)
}

// Log is the Source's: history is not kept.
func (r *Repository) Log(ctx context.Context, from string) iter.Seq2[git.CommitChange, error] {
	return r.cfg.Source.Log(ctx, from)
}

// offer hands a snapshot to Run; an older one that still waits is dropped.
func (r *Repository) offer(s git.Snapshot) {
	select {
	case <-r.fresh:
	default:
	}
	r.fresh <- s
}

// Run keeps new commits until ctx ends.
func (r *Repository) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case s := <-r.fresh:
			if s = r.newest(ctx, s); ctx.Err() != nil {
				return nil
			}
			if err := r.keep(ctx, s); err != nil && ctx.Err() == nil {
				r.cfg.Log.Warn("commit is not kept in the cluster", "commit", s.Commit.Hash, "error", err)
			}
		}
	}
}

// newest waits, and gives what was offered last.
func (r *Repository) newest(ctx context.Context, s git.Snapshot) git.Snapshot {
	timer := time.NewTimer(r.cfg.Every)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return s
		case s = <-r.fresh:
		case <-timer.C:
			return s
		}
	}
}

// keep writes a commit to the cluster.
func (r *Repository) keep(ctx context.Context, s git.Snapshot) error {
	a := archive{Snapshot: s, Blobs: map[string][]byte{}}
	for _, f := range s.Files {
		if !isManifest(f) {
			continue
		}
		b, err := r.cfg.Source.Blob(ctx, f.Blob, maxFile)
		if err != nil {
			return fmt.Errorf("%s: %w", f.Path, err)
		}
		a.Blobs[f.Blob] = b
	}
	packed, err := a.pack()
	if err != nil {
		return err
	}
	body, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Secret", "type": "sluice.dev/commit",
		"metadata": map[string]any{"name": contract.CommitSecret, "namespace": contract.Namespace},
		"data":     map[string][]byte{keyName: []byte(r.cfg.Name), keyArchive: packed},
	})
	if err != nil {
		return err
	}
	force := true
	_, err = r.cfg.Client.CoreV1().Secrets(contract.Namespace).Patch(ctx, contract.CommitSecret, types.ApplyPatchType, body,
		metav1.PatchOptions{FieldManager: contract.FieldManager, Force: &force})
	if err != nil {
		return err
	}
	r.lock.Lock()
	r.kept = s.Commit.Hash
	r.lock.Unlock()
	return nil
}

// The Secret's keys.
const (
	keyName    = "repository"
	keyArchive = "commit.json.gz"
)

// load reads what was kept of this repository.
func (r *Repository) load(ctx context.Context) (archive, error) {
	secret, err := r.cfg.Client.CoreV1().Secrets(contract.Namespace).Get(ctx, contract.CommitSecret, metav1.GetOptions{})
	if err != nil {
		return archive{}, err
	}
	if name := string(secret.Data[keyName]); name != r.cfg.Name {
		return archive{}, fmt.Errorf("what is kept is of %s", name)
	}
	return unpack(secret.Data[keyArchive])
}
