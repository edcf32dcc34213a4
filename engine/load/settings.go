package load

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/strict"
)

// SettingsPath is where a repository may keep its settings.
const SettingsPath = "sluice.yaml"

// Settings is what a repository says about itself. What restricts it (allowed
// kinds, namespaces, signatures) belongs to the installation instead.
type Settings struct {
	// Version of this file's own form; 1 is the only one, and the default.
	Version int `json:"version,omitempty"`
	// Specs are the folders to read, with all below them. Default: all.
	Specs []string `json:"specs,omitempty"`
	// Ignore are patterns of files and folders to leave out. A pattern without
	// a slash matches a name anywhere, one with a slash the path from the
	// root; `*` is any part of a name and `**` any number of folders.
	Ignore []string `json:"ignore,omitempty"`
	// Previews is which refs beside the branch may run.
	Previews *Previews `json:"previews,omitempty"`
	// Rollouts is what happens when traffic does not move on.
	Rollouts *Rollouts `json:"rollouts,omitempty"`
	// GC is when old revisions are deleted.
	GC *GC `json:"gc,omitempty"`
}

// ReadSettings reads the repository's settings. If a problem is an error the
// tree is not to be read: nobody knows which of its files count.
func ReadSettings(file File) (Settings, []schema.Problem) {
	r := reader{file: file, part: Part{Path: file.Path, Blob: file.Blob}}
	if r.refused() {
		return Settings{}, r.part.Problems
	}
	var s Settings
	chunks := split(file.Data)
	switch {
	case len(chunks) == 0:
		return s, nil
	case len(chunks) > 1:
		r.problem(chunks[1].line, 1, "the settings are one document: leave out what begins here")
		return s, r.part.Problems
	}
	doc, ok := r.plainDocument(chunks[0])
	if !ok {
		return s, r.part.Problems
	}
	if problems := strict.Decode(doc, &s); len(problems) > 0 {
		return Settings{}, problems
	}
	problems := s.check(doc)
	for i, folder := range s.Specs {
		s.Specs[i] = path.Clean(folder)
	}
	return s, problems
}

// plainDocument reads a chunk that is no manifest but has a document's form.
func (r *reader) plainDocument(c chunk) (schema.Document, bool) {
	r.budget.line = c.line - 1
	root, bad := parse(c.text)
	if bad != nil {
		r.problem(bad.line+r.budget.line, bad.column, bad.text)
		return schema.Document{}, false
	}
	if root == nil || isNull(resolveAlias(root)) {
		return schema.Document{}, false
	}
	json, wrong := toJSON(root, &r.budget)
	for _, b := range wrong {
		r.problem(b.line+r.budget.line, b.column, b.text)
	}
	offset := r.budget.line
	return schema.Document{File: r.file.Path, Kind: "settings file", JSON: json, Locate: func(path string) (int, int) {
		line, column := locate(root, path)
		return line + offset, column
	}}, len(wrong) == 0
}

// check refuses what names nothing in the repository.
func (s Settings) check(doc schema.Document) []schema.Problem {
	var problems []schema.Problem
	if s.Version != 0 && s.Version != 1 {
		problems = append(problems, doc.Problem("version", "want 1, the only version there is"))
	}
	for i, folder := range s.Specs {
		if clean := path.Clean(folder); folder == "" || strings.HasPrefix(clean, "/") || clean == ".." || strings.HasPrefix(clean, "../") {
			problems = append(problems, doc.Problem(indexed("specs", i), "want a folder of the repository, such as `specs`"))
		}
	}
	for i, pattern := range s.Ignore {
		if _, err := path.Match(pattern, ""); err != nil || strings.Trim(pattern, "/") == "" {
			problems = append(problems, doc.Problem(indexed("ignore", i), "want a pattern such as `docs`, `*.tmpl.yaml` or `charts/**`"))
		}
	}
	return append(append(problems, s.Previews.check(doc)...), s.GC.check(doc)...)
}

// Wants reports whether an entry of the tree is to be read; only its Path and
// Mode count. Names and folders that begin with a dot never are, nor is what
// cannot be a manifest by its name.
func (s Settings) Wants(f File) bool {
	if f.Path == SettingsPath || f.Mode == Regular && !isManifestName(f.Path) {
		return false
	}
	segments := strings.Split(f.Path, "/")
	if slices.ContainsFunc(segments, func(name string) bool { return strings.HasPrefix(name, ".") }) {
		return false
	}
	return s.inSpecs(f.Path) && !slices.ContainsFunc(s.Ignore, func(pattern string) bool { return ignores(pattern, segments) })
}

func (s Settings) inSpecs(file string) bool {
	return len(s.Specs) == 0 || slices.ContainsFunc(s.Specs, func(folder string) bool {
		return folder == "." || file == folder || strings.HasPrefix(file, folder+"/")
	})
}

// ignores reports whether a pattern matches a path or a folder above it.
func ignores(pattern string, segments []string) bool {
	pattern = strings.TrimSuffix(pattern, "/")
	if !strings.Contains(pattern, "/") {
		return slices.ContainsFunc(segments, func(name string) bool { return matches(pattern, name) })
	}
	parts := strings.Split(strings.TrimPrefix(pattern, "/"), "/")
	if len(parts) > 32 {
		return false
	}
	for n := 1; n <= len(segments); n++ {
		if matchesAll(parts, segments[:n]) {
			return true
		}
	}
	return false
}

// matchesAll matches part by part, where `**` stands for any number of them.
func matchesAll(parts, segments []string) bool {
	// reached[i]: the parts read so far match the first i segments.
	reached := make([]bool, len(segments)+1)
	reached[0] = true
	for _, part := range parts {
		next := make([]bool, len(segments)+1)
		for i := range next {
			switch {
			case part == "**":
				next[i] = reached[i] || i > 0 && next[i-1]
			case i > 0 && reached[i-1]:
				next[i] = matches(part, segments[i-1])
			}
		}
		reached = next
	}
	return reached[len(segments)]
}

func matches(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}

func indexed(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }
