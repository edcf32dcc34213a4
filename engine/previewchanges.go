package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/sluice-dev/sluice/engine/git"
	"github.com/sluice-dev/sluice/engine/load"
)

// changedParts reads the files that a ref changed and that the branch has not
// in the same form.
func (e *Engine) changedParts(ctx context.Context, files []git.FileChange) ([]load.Part, error) {
	var parts []load.Part
	for _, f := range files {
		if f.NewBlob == "" || f.NewBlob == e.blobAt(f.Path) || !e.settings.Wants(load.File{Path: f.Path}) {
			continue
		}
		if len(parts) == partsKept {
			return nil, fmt.Errorf("%w: a preview changes more than %d files", git.ErrLimit, partsKept)
		}
		part, err := e.oldPart(ctx, f)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	return parts, nil
}

// changedSources finds out what a ref has changed of the sources of builds.
func (e *Engine) changedSources(ctx context.Context, ref *seenRef, files []git.FileChange) (err error) {
	for _, f := range files {
		if f.NewBlob != e.blobAt(f.Path) && !e.described[f.Path] && e.isSource(f.Path) {
			ref.sources = append(ref.sources, f.Path)
		}
	}
	if len(ref.sources) > 0 {
		ref.tree, err = e.cfg.References.Resolve(ctx, ref.commit)
	}
	return err
}

// blobAt is a file's blob in the branch's newest commit.
func (e *Engine) blobAt(path string) string {
	i, found := slices.BinarySearchFunc(e.snapshot.Files, path, func(f git.Entry, path string) int { return strings.Compare(f.Path, path) })
	if !found {
		return ""
	}
	return e.snapshot.Files[i].Blob
}
