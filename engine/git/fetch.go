package git

import (
	"container/heap"
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

const (
	// maxHaves is how many commits we say we know: enough for a remote to find
	// common ground after a force push.
	maxHaves = 64
	// maxPacks is how many fetches go by until the clone is made afresh.
	maxPacks = 200
)

// fetch brings the object, and all it refers to, into the clone.
func (m *remote) fetch(ctx context.Context, s session, adv *packp.AdvRefs, want plumbing.Hash) error {
	if m.db.has(want) {
		return nil
	}
	if m.db.packCount() >= maxPacks {
		return m.fetchAfresh(ctx, s, adv, want)
	}
	if err := m.fetchInto(ctx, s, adv, m.clone, want, m.haves()); err != nil {
		return err
	}
	m.noteTip(want)
	if !m.db.has(want) {
		return fmt.Errorf("%w: the remote did not send %s", ErrNoObject, want)
	}
	return nil
}

// noteTip keeps the last few commits that were fetched, to build on.
func (m *remote) noteTip(tip plumbing.Hash) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tips = append(m.tips, tip)
	if len(m.tips) > tipsRemembered {
		m.tips = slices.Delete(m.tips, 0, 1)
	}
}

// fetchAfresh makes a new clone in the place of one that has become many
// small packs.
func (m *remote) fetchAfresh(ctx context.Context, s session, adv *packp.AdvRefs, want plumbing.Hash) error {
	next := m.clone.renew()
	if err := m.fetchInto(ctx, s, adv, next, want, nil); err != nil {
		return err
	}
	var err error
	m.db.exclusively(func() {
		if err = next.remember(want); err == nil {
			m.clone.adopt(next)
		}
	})
	if err != nil {
		return err
	}
	m.mu.Lock()
	m.tips = []plumbing.Hash{want}
	m.mu.Unlock()
	m.log.DebugContext(ctx, "made the clone afresh", "commit", want.String())
	return nil
}

func (m *remote) fetchInto(ctx context.Context, s session, adv *packp.AdvRefs, into *bare, want plumbing.Hash, haves []plumbing.Hash) error {
	req := packp.NewUploadPackRequestFromCapabilities(adv.Capabilities)
	req.Wants, req.Haves = []plumbing.Hash{want}, haves
	if adv.Capabilities.Supports(capability.NoProgress) {
		if err := req.Capabilities.Set(capability.NoProgress); err != nil {
			return err
		}
	}
	if adv.Capabilities.Supports(capability.Filter) {
		// Blobs that would never be read are not even sent.
		if err := req.Capabilities.Set(capability.Filter); err != nil {
			return err
		}
		req.Filter = packp.FilterBlobLimit(uint64(m.limits.Blob)+1, packp.BlobLimitPrefixNone)
		m.db.exclusively(func() { m.db.partial = true })
	}
	res, err := s.UploadPack(ctx, req)
	if err != nil {
		return err
	}
	defer res.Close()
	p, err := m.receive(ctx, into, demuxed(req.Capabilities, res))
	if err != nil {
		return err
	}
	defer p.discard()
	return m.db.install(p)
}

// demuxed gives the pack out of a response that mixes it with messages.
func demuxed(caps *capability.List, r io.Reader) io.Reader {
	switch {
	case caps.Supports(capability.Sideband64k):
		return sideband.NewDemuxer(sideband.Sideband64k, r)
	case caps.Supports(capability.Sideband):
		return sideband.NewDemuxer(sideband.Sideband, r)
	}
	return r
}

// haves names commits that we hold, newest first.
func (m *remote) haves() []plumbing.Hash {
	m.mu.Lock()
	tips := slices.Clone(m.tips)
	m.mu.Unlock()
	for _, ref := range m.remembered() {
		tips = append(tips, ref.hash)
	}
	var haves []plumbing.Hash
	_ = m.db.read(func(s *filesystem.Storage) error {
		haves = knownFrom(s, tips)
		return nil
	})
	return haves
}

func knownFrom(s *filesystem.Storage, tips []plumbing.Hash) []plumbing.Hash {
	var haves []plumbing.Hash
	queue, seen := &byDate{}, map[plumbing.Hash]bool{}
	for _, tip := range tips {
		_ = queue.add(s, seen, tip) // a tag or a commit that is gone helps nobody
	}
	for queue.Len() > 0 && len(haves) < maxHaves {
		c := heap.Pop(queue).(*object.Commit)
		haves = append(haves, c.Hash)
		_ = queue.add(s, seen, c.ParentHashes...)
	}
	return haves
}
