package load

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits on what a repository may bring. They are no settings: what is beyond
// them is no manifest.
const (
	// MaxSize is the most bytes of a file; a larger one is refused unread.
	MaxSize = 1 << 20
	// MaxDepth is the deepest nesting of maps and lists.
	MaxDepth = 100
	// MaxNodes is the most values in a file, aliases expanded.
	MaxNodes = 200_000
	// MaxJSON is the most bytes of a file as JSON, aliases expanded.
	MaxJSON = 4 << 20
	// MaxDocuments is the most documents in a file.
	MaxDocuments = 10_000
)

// Mode is what a file is in its Git tree.
type Mode int

const (
	// Regular is an ordinary file, executable or not.
	Regular Mode = iota
	// Symlink is a symbolic link. It is never followed.
	Symlink
	// Submodule is another repository's commit. It is never fetched.
	Submodule
)

// File is one entry of a Git tree.
type File struct {
	// Path is the file's path from the root, with forward slashes.
	Path string
	// Blob is the object's id. Read's answer depends on Path and Blob alone.
	Blob string
	// Mode is what the entry is; default Regular.
	Mode Mode
	// Size is the object's size in bytes. Data of a file beyond MaxSize need
	// not be read at all. 0 is len(Data).
	Size int64
	// Data is the content.
	Data []byte
}

// size is the larger of what was promised and what came.
func (f File) size() int64 { return max(f.Size, int64(len(f.Data))) }

// isJSON reports whether the name ends in .json.
func (f File) isJSON() bool { return strings.HasSuffix(f.Path, ".json") }

// isManifestName reports whether a path ends as manifests do.
func isManifestName(path string) bool {
	return strings.HasSuffix(path, ".yaml") || strings.HasSuffix(path, ".yml") || strings.HasSuffix(path, ".json")
}

// oddName reports whether a path holds what would forge a line of output or
// cannot stand in an annotation.
func oddName(path string) bool {
	return !utf8.ValidString(path) || strings.ContainsFunc(path, unicode.IsControl)
}

// isLFSPointer reports whether the content stands for a file kept elsewhere.
func isLFSPointer(data []byte) bool {
	return bytes.HasPrefix(data, []byte("version https://git-lfs.github.com/spec/"))
}
