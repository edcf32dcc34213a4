package git

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/go-git/go-billy/v5"
	"github.com/go-git/go-billy/v5/memfs"
	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// bare is our clone of a remote: packs and one reference, in memory or in a
// folder. Packs pile up with each fetch, so now and then it is made afresh
// beside the old one: in a folder they are clone-1, clone-2 and so on, and
// one is complete once it has its reference. The folder is for one process.
type bare struct {
	dir string
	ref plumbing.ReferenceName

	// mu guards all below.
	mu         sync.Mutex
	generation int
	fs         billy.Filesystem
}

func newBare(dir, branch string) *bare {
	return &bare{dir: dir, ref: plumbing.NewBranchReferenceName(branch)}
}

// root is the folder with objects and refs.
func (b *bare) root() billy.Filesystem {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fs == nil {
		b.generation = b.newest()
		b.fs = b.at(b.generation)
	}
	return b.fs
}

func (b *bare) at(generation int) billy.Filesystem {
	if b.dir == "" {
		return memfs.New()
	}
	return osfs.New(b.folder(generation))
}

func (b *bare) folder(generation int) string {
	return filepath.Join(b.dir, fmt.Sprint("clone-", generation))
}

// newest finds the newest complete clone of an earlier run; 1 if there is
// none.
func (b *bare) newest() int {
	newest := 1
	entries, err := os.ReadDir(b.dir)
	if b.dir == "" || err != nil {
		return newest
	}
	for _, e := range entries {
		digits, ok := strings.CutPrefix(e.Name(), "clone-")
		n, err := strconv.Atoi(digits)
		if !ok || err != nil || n <= newest {
			continue
		}
		if _, err := filesystem.NewStorage(b.at(n), nil).Reference(b.ref); err == nil {
			newest = n
		}
	}
	return newest
}

// remember keeps the tip of the branch for a later run, when the remote may
// be away.
func (b *bare) remember(tip plumbing.Hash) error {
	stored := filesystem.NewStorage(b.root(), nil)
	if old, err := stored.Reference(b.ref); err == nil && old.Hash() == tip {
		return nil
	}
	return stored.SetReference(plumbing.NewHashReference(b.ref, tip))
}

// remembered gives what remember kept, if anything.
func (b *bare) remembered() references {
	ref, err := filesystem.NewStorage(b.root(), nil).Reference(b.ref)
	if err != nil {
		return nil
	}
	return references{b.ref.String(): {hash: ref.Hash(), commit: ref.Hash()}}
}

// renew begins an empty clone, for the caller to fill and then to adopt.
func (b *bare) renew() *bare {
	b.mu.Lock()
	defer b.mu.Unlock()
	next := &bare{dir: b.dir, ref: b.ref, generation: b.generation + 1}
	if b.dir != "" {
		_ = os.RemoveAll(b.folder(next.generation)) // left over, incomplete
	}
	next.fs = b.at(next.generation)
	return next
}

// adopt puts the newer clone in the place of this one.
func (b *bare) adopt(next *bare) {
	b.mu.Lock()
	defer b.mu.Unlock()
	old := b.generation
	b.generation, b.fs = next.generation, next.fs
	if b.dir != "" {
		_ = os.RemoveAll(b.folder(old)) // else the next renewal does
	}
}
