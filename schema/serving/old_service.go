package serving

import (
	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/strict"
)

// latestRevision is what release mode calls the latest ready revision.
const latestRevision = "@latest"

func decodeOldService(doc schema.Document) (schema.Spec, []schema.Problem) {
	var w serviceOld
	if problems := strict.Decode(doc, &w); len(problems) > 0 {
		return nil, problems
	}
	c := &check{doc: doc}
	s := &Service{id: doc.Identity, labels: w.Labels, annotations: w.Annotations}
	c.generation("spec", w.Spec.Generation)
	if !c.oneMode(w.Spec) {
		return nil, c.problems
	}
	s.lower(c, w.Spec)
	s.setDefaults()
	s.validate(c)
	return c.result(s)
}

// oneMode checks that a service has exactly one mode.
func (c *check) oneMode(w oldServiceSpec) bool {
	var modes []string
	for _, m := range []struct {
		name string
		set  bool
	}{
		{"runLatest", w.RunLatest != nil}, {"pinned", w.Pinned != nil}, {"release", w.Release != nil},
		{"manual", w.Manual != nil}, {"template", w.Template != nil},
	} {
		if m.set {
			modes = append(modes, m.name)
		}
	}
	switch {
	case len(modes) == 0:
		c.errorf("spec", "the mode is missing: write one of runLatest, pinned, release, manual and template")
	case len(modes) > 1:
		c.errorf("spec."+modes[1], "a Service has one mode, and spec.%s is one already: keep one of them", modes[0])
	case len(w.Traffic) > 0 && w.Template == nil:
		c.errorf("spec.traffic", "goes with template; spec.%s says itself where requests go", modes[0])
	default:
		return true
	}
	return false
}

// lower brings the mode to a template and its traffic.
func (s *Service) lower(c *check, w oldServiceSpec) {
	switch {
	case w.RunLatest != nil:
		s.configure(c, w.RunLatest.Configuration, "spec.runLatest.configuration")
	case w.Pinned != nil:
		s.configure(c, w.Pinned.Configuration, "spec.pinned.configuration")
		s.traffic = w.Pinned.traffic(c)
	case w.Release != nil:
		s.configure(c, w.Release.Configuration, "spec.release.configuration")
		s.traffic = w.Release.traffic(c)
	case w.Manual != nil:
		s.manual = true
	default:
		s.template = c.oldTemplate(*w.Template, "spec.template")
		s.traffic = c.oldTraffic(w.Traffic)
	}
}

func (s *Service) configure(c *check, w oldConfigurationSpec, path string) {
	s.template = c.oldConfiguration(w, path)
	s.template.build = c.inlineBuild(w.Build, path+".build", &s.template)
}

// traffic of a pinned service goes to its revision.
func (p pinned) traffic(c *check) []placed {
	path := "spec.pinned.revisionName"
	if p.RevisionName == "" {
		c.errorf(path, "revisionName is missing: write the revision that takes the requests")
	}
	all := int64(100)
	return []placed{{target{RevisionName: p.RevisionName, Percent: &all}, path}}
}

// traffic of a release goes to the first revision, in part to the second, and
// not at all, but under a tag, to the latest.
func (r release) traffic(c *check) []placed {
	const path = "spec.release"
	if n := len(r.Revisions); n < 1 || n > 2 {
		c.errorf(path+".revisions", "want one revision, or two: the current one and the candidate; got %d", n)
		return nil
	}
	c.between(path+".rolloutPercent", &r.RolloutPercent, 0, 99)
	if len(r.Revisions) == 1 && r.RolloutPercent != 0 {
		c.errorf(path+".rolloutPercent", "there is no candidate to roll out to: name a second revision, or leave it out")
		r.RolloutPercent = 0
	}
	tags := []string{"current", "candidate"}
	percents := []int64{100 - r.RolloutPercent, r.RolloutPercent}
	var all []placed
	for i, name := range r.Revisions {
		t := target{Tag: tags[i], RevisionName: name, Percent: &percents[i]}
		at := index(path+".revisions", i)
		if name == "" {
			c.errorf(at, "the revision's name is missing")
		}
		if name == latestRevision {
			t = latest(percents[i])
			t.Tag = tags[i]
		}
		all = append(all, placed{t, at})
	}
	t := latest(0)
	t.Tag = "latest"
	return append(all, placed{t, path + ".revisions"})
}

// generation warns of a count that the cluster keeps.
func (c *check) generation(path string, n int64) {
	if n != 0 {
		c.warnf(path+".generation", "is counted by the cluster; here it is not acted on")
	}
}
