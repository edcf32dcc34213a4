package git

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/storage/memory"
)

// push writes the objects into the repository and moves the branch.
func (l *local) push(_ context.Context, branch string, old, now plumbing.Hash, made *memory.Storage) error {
	stored := l.stored()
	for _, o := range made.Objects {
		if _, err := stored.SetEncodedObject(o); err != nil {
			return fmt.Errorf("%s: %w", l.path, err)
		}
	}
	name := plumbing.NewBranchReferenceName(branch)
	if ref, err := stored.Reference(name); err != nil || ref.Hash() != old {
		return &Error{Repository: l.path, Kind: ErrMoved}
	}
	err := stored.CheckAndSetReference(plumbing.NewHashReference(name, now), plumbing.NewHashReference(name, old))
	if err != nil {
		return &Error{Repository: l.path, Kind: ErrMoved, Cause: err}
	}
	return nil
}

// push sends the objects to the remote, which moves the branch if it still is
// where it was.
func (m *remote) push(ctx context.Context, branch string, old, now plumbing.Hash, made *memory.Storage) error {
	s, err := m.dialer.dialPush(ctx)
	if err != nil {
		return m.explain(err)
	}
	defer s.Close()
	adv, err := s.AdvertisedReferencesContext(ctx)
	if err != nil {
		return m.explain(err)
	}
	name := plumbing.NewBranchReferenceName(branch)
	if at := adv.References[name.String()]; at != old {
		return &Error{Repository: m.place.String(), Kind: ErrMoved}
	}
	pack, err := bundle(made)
	if err != nil {
		return err
	}
	req := packp.NewReferenceUpdateRequestFromCapabilities(adv.Capabilities)
	req.Commands = []*packp.Command{{Name: name, Old: old, New: now}}
	req.Packfile = io.NopCloser(pack)
	report, err := s.ReceivePack(ctx, req)
	if refused := refusal(report); refused != "" {
		return &Error{
			Repository: m.place.String(), Kind: ErrRefused, Detail: refused,
			Advice: "let this key or token push to " + branch + ", or leave reverts to people",
		}
	}
	return m.explain(err)
}

// bundle holds all the objects that were made.
func bundle(made *memory.Storage) (*bytes.Buffer, error) {
	hashes := make([]plumbing.Hash, 0, len(made.Objects))
	for h := range made.Objects {
		hashes = append(hashes, h)
	}
	var pack bytes.Buffer
	_, err := packfile.NewEncoder(&pack, made, false).Encode(hashes, 0)
	return &pack, err
}

// refusal is why the remote has not taken what it received: a hook, a
// protected branch, a push at the same moment. Empty: it has.
func refusal(report *packp.ReportStatus) string {
	if report == nil {
		return ""
	}
	if report.UnpackStatus != "ok" {
		return report.UnpackStatus
	}
	for _, c := range report.CommandStatuses {
		if c.Status != "ok" {
			return fmt.Sprintf("%s: %s", c.ReferenceName.Short(), strings.TrimSpace(c.Status))
		}
	}
	return ""
}

// dialPush begins a conversation with git-receive-pack.
func (h *httpDialer) dialPush(context.Context) (pushSession, error) {
	client, method, err := h.client()
	if err != nil {
		return nil, err
	}
	return client.NewReceivePackSession(h.endpoint(), method)
}

// dialPush begins a conversation with git-receive-pack.
func (d *sshDialer) dialPush(ctx context.Context) (pushSession, error) {
	s, err := d.open(ctx, transport.ReceivePackServiceName)
	if err != nil {
		return nil, err
	}
	return s, nil
}
