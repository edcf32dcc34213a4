package fetch

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	gogit "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/transport"

	"github.com/sluice-dev/sluice/schema/contract"
)

// Git is `sluice build git --url`: a revision of any repository.
type Git struct {
	URL, Revision string
	// SubPath is the only folder that is written; empty is all.
	SubPath string
	// Target is the folder to fill, Home where creds has written.
	Target, Home string
	// Limit is the size in bytes from which on all files together are too large.
	// Default [contract.SourceLimit].
	Limit int64
	// Found, if set, gets what the revision stood for, for the record.
	Found string
	// Say tells people what is going on.
	Say func(format string, args ...any)
}

// commitHash is a whole commit's name.
var commitHash = regexp.MustCompile(`^[0-9a-f]{40}$`)

// Run fetches the one commit and writes its files.
func (g Git) Run(ctx context.Context) error {
	scratch, err := os.MkdirTemp(g.Home, ".fetch-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	repo, err := gogit.PlainInit(scratch, true)
	if err != nil {
		return err
	}
	hash, err := g.fetch(ctx, repo)
	if err != nil {
		return g.explain(err)
	}
	commit, err := peel(repo, hash)
	if err != nil {
		return err
	}
	if err := g.write(commit); err != nil {
		return err
	}
	if g.Found == "" {
		return nil
	}
	found, err := json.Marshal(map[string]string{"uri": g.URL, "commit": commit.Hash.String(), "tree": commit.TreeHash.String()})
	if err != nil {
		return err
	}
	return os.WriteFile(g.Found, found, 0o644)
}

// fetch brings the revision alone, without history, and says what it is.
func (g Git) fetch(ctx context.Context, repo *gogit.Repository) (plumbing.Hash, error) {
	auth, ca, err := g.auth()
	if err != nil {
		return plumbing.ZeroHash, err
	}
	remote, err := repo.CreateRemote(&config.RemoteConfig{Name: "origin", URLs: []string{g.URL}})
	if err != nil {
		return plumbing.ZeroHash, err
	}
	name := g.Revision
	if !commitHash.MatchString(g.Revision) {
		refs, err := remote.ListContext(ctx, &gogit.ListOptions{Auth: auth, CABundle: ca})
		if err != nil {
			return plumbing.ZeroHash, err
		}
		if name = find(refs, g.Revision); name == "" {
			return plumbing.ZeroHash, g.noSuch()
		}
	}
	const here = plumbing.ReferenceName("refs/heads/fetched")
	options := gogit.FetchOptions{
		Auth: auth, CABundle: ca, Depth: 1, Tags: gogit.NoTags,
		RefSpecs: []config.RefSpec{config.RefSpec("+" + name + ":" + string(here))},
	}
	err = remote.FetchContext(ctx, &options)
	if errors.Is(err, gogit.ErrExactSHA1NotSupported) {
		return g.search(ctx, repo, remote, options)
	}
	if err != nil {
		return plumbing.ZeroHash, err
	}
	ref, err := repo.Reference(here, true)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	return ref.Hash(), nil
}

// search looks for a commit in all branches and tags, with their history:
// some servers hand out nothing else.
func (g Git) search(ctx context.Context, repo *gogit.Repository, remote *gogit.Remote, options gogit.FetchOptions) (plumbing.Hash, error) {
	options.Depth = 0
	options.RefSpecs = []config.RefSpec{"+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"}
	if err := remote.FetchContext(ctx, &options); err != nil {
		return plumbing.ZeroHash, err
	}
	hash := plumbing.NewHash(g.Revision)
	if _, err := repo.CommitObject(hash); err != nil {
		return plumbing.ZeroHash, g.noSuch()
	}
	return hash, nil
}

// find is the full name of a branch, tag or other reference.
func find(refs []*plumbing.Reference, revision string) string {
	for _, prefix := range []string{"", "refs/heads/", "refs/tags/"} {
		for _, r := range refs {
			if string(r.Name()) == prefix+revision && r.Name() != plumbing.HEAD {
				return string(r.Name())
			}
		}
	}
	return ""
}

func (g Git) noSuch() error {
	return fmt.Errorf("%s has no branch or tag %q: write one that it has, or a commit's whole name of 40 digits", g.URL, g.Revision)
}

// explain turns what the transport says into what to do.
func (g Git) explain(err error) error {
	if why := explainSSH(err); why != "" {
		return fmt.Errorf("%s: %s", g.URL, why)
	}
	switch {
	case errors.Is(err, transport.ErrAuthenticationRequired), errors.Is(err, transport.ErrAuthorizationFailed), errors.Is(err, transport.ErrInvalidAuthMethod):
		return fmt.Errorf("%s does not let us in: check user name and password, or token, in the Secret that is annotated with its URL", g.URL)
	case errors.Is(err, transport.ErrRepositoryNotFound):
		return fmt.Errorf("%s: there is no such repository, or it is private and there is no Secret for it", g.URL)
	case errors.Is(err, gogit.NoMatchingRefSpecError{}), strings.Contains(err.Error(), "not our ref"), strings.Contains(err.Error(), "couldn't find remote ref"):
		return g.noSuch()
	}
	return fmt.Errorf("%s: %w", g.URL, err)
}

// peel is the commit behind a hash: its own, or an annotated tag's.
func peel(repo *gogit.Repository, hash plumbing.Hash) (*object.Commit, error) {
	if tag, err := repo.TagObject(hash); err == nil {
		return tag.Commit()
	}
	return repo.CommitObject(hash)
}

// write writes the files of the commit, or of its folder.
func (g Git) write(commit *object.Commit) error {
	tree, err := commit.Tree()
	if err != nil {
		return err
	}
	if g.SubPath != "" {
		if tree, err = tree.Tree(g.SubPath); err != nil {
			return fmt.Errorf("%s has no folder %q at %s: write one that it has", g.URL, g.SubPath, g.Revision)
		}
	}
	if err := measure(tree, cmp.Or(g.Limit, contract.SourceLimit)); err != nil {
		return err
	}
	out, err := openFiles(g.Target, g.Limit)
	if err != nil {
		return err
	}
	defer out.close()
	err = walk(tree, func(name string, entry object.TreeEntry) error { return put(out, tree, name, entry) })
	if err != nil {
		return err
	}
	g.Say("commit %s: %d files, %d bytes", commit.Hash, out.count, out.bytes)
	return nil
}

// measure refuses what is too large, or no source, before anything is written.
func measure(tree *object.Tree, limit int64) error {
	var total int64
	return walk(tree, func(name string, entry object.TreeEntry) error {
		if entry.Mode == filemode.Submodule {
			return fmt.Errorf("%s is a submodule, which is never fetched: give the build a source of its own for it", name)
		}
		size, err := tree.Size(name)
		if err != nil {
			return err
		}
		if total += size; total >= limit {
			return tooLarge(limit)
		}
		return nil
	})
}

// walk visits everything but folders.
func walk(tree *object.Tree, visit func(name string, entry object.TreeEntry) error) error {
	w := object.NewTreeWalker(tree, true, nil)
	defer w.Close()
	for {
		name, entry, err := w.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if entry.Mode == filemode.Dir {
			continue
		}
		if err := visit(name, entry); err != nil {
			return err
		}
	}
}

// put writes one entry.
func put(out *files, tree *object.Tree, name string, entry object.TreeEntry) error {
	f, err := tree.TreeEntryFile(&entry)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	r, err := f.Reader()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer r.Close()
	if entry.Mode == filemode.Symlink {
		target, err := io.ReadAll(io.LimitReader(r, 4096))
		if err != nil {
			return err
		}
		return out.link(filepath.ToSlash(name), string(target))
	}
	return out.file(name, entry.Mode == filemode.Executable, r, f.Size)
}
