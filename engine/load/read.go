package load

import (
	"bytes"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/sluice-dev/sluice/schema"
)

// Read reads one file. Its answer depends on the file's path, mode and blob
// and on the table of kinds, on nothing else.
func Read(file File, kinds schema.Kinds) Part {
	r := reader{file: file, kinds: kinds, part: Part{Path: file.Path, Blob: file.Blob}}
	if r.refused() {
		return r.part
	}
	data := bytes.TrimPrefix(file.Data, []byte("\xef\xbb\xbf"))
	if len(bytes.TrimSpace(data)) == 0 {
		r.silent(0, 0, "the file is empty: delete it if what it described is to go")
		return r.part
	}
	chunks := split(data)
	if len(chunks) > MaxDocuments {
		r.unreadable(0, 0, fmt.Sprintf("the file holds more than %d documents: split it", MaxDocuments))
		return r.part
	}
	for _, c := range chunks {
		r.chunk(c)
	}
	if len(r.part.Entries) == 0 && len(r.part.Problems) == 0 && !r.file.isJSON() {
		r.silent(0, 0, "the file holds no document: delete it if what it described is to go")
	}
	slices.SortStableFunc(r.part.Problems, schema.Problem.Compare)
	return r.part
}

// reader gathers what one file says.
type reader struct {
	file  File
	kinds schema.Kinds
	part  Part
	// budget is what the file has spent of its limits.
	budget budget
	// index counts documents.
	index int
	// held documents have trouble in their metadata, though they are named.
	held bool
}

// refused reports whether the file is one that is not even parsed, and says why.
func (r *reader) refused() bool {
	f := r.file
	switch {
	case oddName(f.Path):
		r.unreadable(0, 0, "the file's name holds control characters or is not UTF-8: rename the file")
	case f.Mode == Submodule:
		r.warn(0, 0, "this is a submodule, which is never fetched: commit the manifests themselves, or list the path under `ignore:` in sluice.yaml")
		r.part.Unreadable = true
	case f.Mode == Symlink && isManifestName(f.Path):
		r.unreadable(0, 0, "this is a symbolic link, which is never followed: commit the file itself")
	case f.Mode == Symlink:
		r.warn(0, 0, "this is a symbolic link, which is never followed")
	case f.size() > MaxSize:
		r.unreadable(0, 0, fmt.Sprintf("the file has %d bytes; a manifest has at most %d: split it, or list the path under `ignore:` in sluice.yaml", f.size(), MaxSize))
	case isLFSPointer(f.Data):
		r.unreadable(0, 0, "this is a Git LFS pointer, not the file: keep manifests out of LFS (`git lfs untrack`)")
	case !utf8.Valid(f.Data):
		line, column := invalidUTF8(f.Data)
		r.unreadable(line, column, "the file is not UTF-8: save it as UTF-8 text")
	default:
		return false
	}
	return true
}

// problem notes an error at a place of the file.
func (r *reader) problem(line, column int, text string) {
	r.part.Problems = append(r.part.Problems, schema.Problem{File: r.file.Path, Line: line, Column: column, Text: text})
}

// unreadable notes an error that leaves open who is described.
func (r *reader) unreadable(line, column int, text string) {
	r.problem(line, column, text)
	r.part.Unreadable = true
}

// silent warns that nobody is described where somebody may have been.
func (r *reader) silent(line, column int, text string) {
	r.warn(line, column, text)
	r.part.Silent = true
}

// warn notes what stops nothing.
func (r *reader) warn(line, column int, text string) {
	r.problem(line, column, text)
	r.part.Problems[len(r.part.Problems)-1].Severity = schema.Warning
}

// invalidUTF8 finds the first byte that is no UTF-8.
func invalidUTF8(data []byte) (line, column int) {
	line, column = 1, 1
	for len(data) > 0 {
		c, n := utf8.DecodeRune(data)
		if c == utf8.RuneError && n == 1 {
			return line, column
		}
		if column++; c == '\n' {
			line, column = line+1, 1
		}
		data = data[n:]
	}
	return line, column
}
