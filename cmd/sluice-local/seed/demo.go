package seed

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	git "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage"
)

// Demo makes a bare repository at dir whose branch has one commit with files.
// It comes into being whole: an interrupted Demo leaves nothing at dir.
func Demo(dir, branch string, files fs.FS) error {
	if _, err := os.Stat(filepath.Join(dir, "HEAD")); err == nil {
		return nil
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), ".demo-*")
	if err != nil {
		return fmt.Errorf("demo repository: %w", err)
	}
	defer os.RemoveAll(tmp)
	repo := filepath.Join(tmp, "repo") // MkdirTemp's own folder is private; this one others may read
	if err := create(repo, branch, files); err != nil {
		return fmt.Errorf("demo repository: %w", err)
	}
	if err := os.Rename(repo, dir); err != nil {
		return fmt.Errorf("demo repository: %w", err)
	}
	return nil
}

func create(dir, branch string, files fs.FS) error {
	if err := os.MkdirAll(filepath.Join(dir, "hooks"), 0o755); err != nil {
		return err
	}
	repo, err := git.PlainInitWithOptions(dir, &git.PlainInitOptions{
		Bare: true, InitOptions: git.InitOptions{DefaultBranch: plumbing.NewBranchReferenceName(branch)},
	})
	if err != nil {
		return err
	}
	tree, err := writeTree(repo.Storer, files, ".")
	if err != nil {
		return err
	}
	who := object.Signature{Name: "Sluice", Email: "sluice@localhost", When: time.Now()}
	commit, err := store(repo.Storer, &object.Commit{Author: who, Committer: who, Message: "Hello, world\n", TreeHash: tree})
	if err != nil {
		return err
	}
	return repo.Storer.SetReference(plumbing.NewHashReference(plumbing.NewBranchReferenceName(branch), commit))
}

// writeTree stores a folder and everything below it.
func writeTree(s storage.Storer, files fs.FS, dir string) (plumbing.Hash, error) {
	entries, err := fs.ReadDir(files, dir)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	tree := &object.Tree{}
	for _, e := range entries {
		path := filepath.ToSlash(filepath.Join(dir, e.Name()))
		entry := object.TreeEntry{Name: e.Name(), Mode: filemode.Regular}
		if e.IsDir() {
			entry.Mode = filemode.Dir
			entry.Hash, err = writeTree(s, files, path)
		} else {
			entry.Hash, err = writeBlob(s, files, path)
		}
		if err != nil {
			return plumbing.ZeroHash, err
		}
		tree.Entries = append(tree.Entries, entry)
	}
	slices.SortFunc(tree.Entries, func(a, b object.TreeEntry) int { return strings.Compare(sortKey(a), sortKey(b)) })
	return store(s, tree)
}

// sortKey orders a tree as Git does: folders as if their names ended in "/".
func sortKey(e object.TreeEntry) string {
	if e.Mode == filemode.Dir {
		return e.Name + "/"
	}
	return e.Name
}

func writeBlob(s storage.Storer, files fs.FS, path string) (plumbing.Hash, error) {
	content, err := fs.ReadFile(files, path)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	blob := s.NewEncodedObject()
	blob.SetType(plumbing.BlobObject)
	w, err := blob.Writer()
	if err != nil {
		return plumbing.ZeroHash, err
	}
	_, err = w.Write(content)
	if err := errors.Join(err, w.Close()); err != nil {
		return plumbing.ZeroHash, err
	}
	return s.SetEncodedObject(blob)
}

type encoder interface {
	Encode(plumbing.EncodedObject) error
}

func store(s storage.Storer, what encoder) (plumbing.Hash, error) {
	o := s.NewEncodedObject()
	if err := what.Encode(o); err != nil {
		return plumbing.ZeroHash, err
	}
	return s.SetEncodedObject(o)
}
