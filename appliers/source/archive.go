package source

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/sluice-dev/sluice/engine/git"
)

// maxFile is the largest file that is read into memory to be served.
const maxFile = 256 << 20

// archive writes files as a tar whose bytes depend on nothing but them.
func archive(ctx context.Context, w io.Writer, files []git.Entry, blobs Blobs) error {
	t := tar.NewWriter(w)
	for _, f := range files {
		content, err := blobs.Blob(ctx, f.Blob, maxFile)
		if err != nil {
			return fmt.Errorf("%s: %w", f.Path, err)
		}
		h := &tar.Header{Name: f.Path, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(content)), ModTime: time.Unix(0, 0), Format: tar.FormatPAX}
		switch f.Mode {
		case git.Executable:
			h.Mode = 0o755
		case git.Symlink:
			h.Typeflag, h.Linkname, h.Size, content = tar.TypeSymlink, string(content), 0, nil
		case git.Submodule:
			return fmt.Errorf("%s: is a submodule, which has no content", f.Path)
		case git.Regular:
		}
		if err := t.WriteHeader(h); err != nil {
			return fmt.Errorf("%s: %w", f.Path, err)
		}
		if _, err := t.Write(content); err != nil {
			return fmt.Errorf("%s: %w", f.Path, err)
		}
	}
	return t.Close()
}
