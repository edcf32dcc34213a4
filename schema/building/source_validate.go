package building

import (
	"net/url"
	"reflect"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-dev/sluice/schema/desired"
)

// sources checks where a build's files come from.
func (c *check) sources(w buildSpec) []desired.TaskSource {
	switch {
	case w.Source != nil && len(w.Sources) > 0:
		c.errorf("sources", "a build has source or sources, and there is a source already: keep one of them")
		return nil
	case w.Source != nil:
		return []desired.TaskSource{c.source("source", *w.Source)}
	}
	var out []desired.TaskSource
	for i, s := range w.Sources {
		at := index("sources", i)
		if s.Name == "" && len(w.Sources) > 1 {
			c.errorf(at+".name", "name is missing: each of several sources has one")
		}
		out = append(out, c.source(at, s))
	}
	c.apart(out)
	return out
}

// apart checks that several sources have names and folders of their own.
func (c *check) apart(all []desired.TaskSource) {
	for i, s := range all {
		for _, o := range all[:i] {
			if s.Name != "" && s.Name == o.Name {
				c.errorf(index("sources", i)+".name", "the name %s is taken by another source", s.Name)
			}
			if s.Custom != nil || o.Custom != nil {
				continue
			}
			if nested(s.TargetPath, o.TargetPath) {
				c.errorf(index("sources", i)+".targetPath", "%q and %q lie in each other: give each source a folder of its own", s.TargetPath, o.TargetPath)
			}
		}
	}
}

// nested reports whether one folder is, or is in, the other. One source may
// have the workspace itself, beside others in folders of it.
func nested(a, b string) bool {
	if a == b {
		return true
	}
	return a != "" && strings.HasPrefix(b, a+"/") || b != "" && strings.HasPrefix(a, b+"/")
}

func (c *check) source(at string, w source) desired.TaskSource {
	s := desired.TaskSource{Name: w.Name, Path: c.join(at)}
	if w.Name != "" {
		c.label(at+".name", w.Name)
	}
	s.SubPath = c.folder(at+".subPath", w.SubPath)
	s.TargetPath = c.folder(at+".targetPath", w.TargetPath)
	n := 0
	for _, set := range []bool{w.Git != nil, w.GCS != nil, w.Custom != nil} {
		if set {
			n++
		}
	}
	switch {
	case n != 1:
		c.errorf(at, "want one of git, gcs and custom, got %d of them", n)
	case w.Git != nil:
		s.Git = c.git(at+".git", *w.Git)
	case w.GCS != nil:
		s.GCS = c.gcs(at+".gcs", *w.GCS)
	default:
		s.Custom = c.custom(at, w)
	}
	return s
}

// scp is the short way to write an ssh URL: git@github.com:o/r.git.
var scp = regexp.MustCompile(`^[A-Za-z0-9._-]+@[A-Za-z0-9.-]+:[^/].*$`)

func (c *check) git(at string, w gitSource) *desired.GitSource {
	g := &desired.GitSource{URL: w.URL, Revision: w.Revision}
	if w.URL == desired.Here {
		if w.Revision != "" {
			c.errorf(at+".revision", "%q is this repository at the commit that is deployed: leave the revision out", desired.Here)
		}
		return g
	}
	if w.Revision == "" {
		c.errorf(at+".revision", "revision is missing: write a branch, tag or commit")
	}
	u, err := url.Parse(w.URL)
	switch {
	case w.URL == "":
		c.errorf(at+".url", "url is missing: write where the repository is, or %q for this one", desired.Here)
	case scp.MatchString(w.URL):
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" && u.Scheme != "ssh":
		c.errorf(at+".url", "want an https or ssh URL as https://github.com/o/r.git or git@github.com:o/r.git, or %q for this repository", desired.Here)
	case hasPassword(u):
		c.errorf(at+".url", "has a password in it, where everybody reads it: put it into a Secret of the build's ServiceAccount")
	case u.Scheme == "http":
		c.warnf(at+".url", "http is not encrypted: write https where the server has it")
	}
	return g
}

func hasPassword(u *url.URL) bool {
	if u.User == nil {
		return false
	}
	_, set := u.User.Password()
	return set
}

func (c *check) gcs(at string, w gcsSource) *desired.GCSSource {
	switch w.Type {
	case "Archive", "Manifest":
	case "":
		c.errorf(at+".type", "type is missing: write Archive or Manifest")
	default:
		c.errorf(at+".type", "want Archive or Manifest, got %q", short(w.Type))
	}
	if w.Location == "" {
		c.errorf(at+".location", "location is missing: write it as in gs://bucket/source.tar.gz")
	} else if !strings.HasPrefix(w.Location, "gs://") {
		c.errorf(at+".location", "want gs://bucket/object, got %q", short(w.Location))
	}
	return &desired.GCSSource{Type: w.Type, Location: w.Location}
}

// custom is a container that brings files in its own way, and so says itself
// where they go.
func (c *check) custom(at string, w source) *corev1.Container {
	k := w.Custom.DeepCopy()
	if w.TargetPath != "" {
		c.errorf(at+".targetPath", "a custom source puts its files where it wants: leave targetPath out")
	}
	if k.Name != "" {
		c.errorf(at+".custom.name", "the step is named by the platform: leave the name out")
	}
	if k.Image == "" {
		c.errorf(at+".custom.image", "image is missing: write the image that brings the files")
	}
	c.allowed(at+".custom", reflect.ValueOf(*k))
	return k
}
