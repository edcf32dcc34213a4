package fetch

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strconv"

	"github.com/sluice-dev/sluice/schema/contract"
)

// lfsPointer begins what Git LFS leaves in place of a file.
var lfsPointer = []byte("version https://git-lfs.github.com/spec/v1\n")

// files writes below a folder and nowhere else. Everybody may write what it
// writes: steps run as different users.
type files struct {
	root  *os.Root
	limit int64
	bytes int64
	count int
}

func openFiles(target string, limit int64) (*files, error) {
	if err := os.MkdirAll(target, 0o777); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(target)
	if err != nil {
		return nil, err
	}
	return &files{root: root, limit: cmp.Or(limit, contract.SourceLimit)}, nil
}

func (f *files) close() { f.root.Close() }

// file writes one file.
func (f *files) file(name string, executable bool, r io.Reader, size int64) error {
	if f.bytes += size; f.bytes >= f.limit {
		return tooLarge(f.limit)
	}
	f.count++
	if err := f.folder(name); err != nil {
		return err
	}
	mode := os.FileMode(0o666)
	if executable {
		mode = 0o777
	}
	head := make([]byte, min(size, int64(len(lfsPointer))))
	if _, err := io.ReadFull(r, head); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if bytes.Equal(head, lfsPointer) {
		return fmt.Errorf("%s is a pointer of Git LFS, whose files are never fetched: commit the file itself, or leave it out of the source", name)
	}
	out, err := f.root.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	defer out.Close()
	if _, err := io.Copy(out, io.MultiReader(bytes.NewReader(head), r)); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return out.Close()
}

// link writes a symbolic link that stays within the source.
func (f *files) link(name, target string) error {
	if path.IsAbs(target) || !filepath.IsLocal(path.Join(path.Dir(name), target)) {
		return fmt.Errorf("%s is a link that leads out of the source, to %q: leave it out", name, target)
	}
	if err := f.folder(name); err != nil {
		return err
	}
	return f.root.Symlink(target, name)
}

// folder makes the folder of a file.
func (f *files) folder(name string) error {
	if dir := path.Dir(name); dir != "." {
		return f.root.MkdirAll(dir, 0o777)
	}
	return nil
}

func tooLarge(limit int64) error {
	return fmt.Errorf("the source has %s MB or more, which is too large: name the folder that is built as subPath, or keep what is large elsewhere", strconv.FormatFloat(float64(limit)/1e6, 'f', -1, 64))
}
