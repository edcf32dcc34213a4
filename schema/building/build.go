package building

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/desired"
	"github.com/sluice-dev/sluice/schema/strict"
)

// DefaultTimeout is how long a build may take that says nothing of it, and
// MaxTimeout how long any may: the original's own bounds.
const (
	DefaultTimeout = 10 * time.Minute
	MaxTimeout     = 24 * time.Hour
)

// Build makes an image from sources.
type Build struct {
	id   schema.Identity
	task desired.Task
}

var _ desired.Source = (*Build)(nil)

// Identity names the build.
func (b *Build) Identity() schema.Identity { return b.id }

// Desire gives one Task.
func (b *Build) Desire() desired.Nouns { return desired.Nouns{Tasks: []desired.Task{b.task}} }

func decodeBuild(doc schema.Document) (schema.Spec, []schema.Problem) {
	var w buildDocument
	if problems := strict.Decode(doc, &w); len(problems) > 0 {
		return nil, problems
	}
	c := &check{doc: doc, at: "spec"}
	task := c.build(w.Spec)
	if schema.HasErrors(c.problems) {
		return nil, c.problems
	}
	task.Namespace, task.Name, task.Path = doc.Identity.Namespace, doc.Identity.Name, "spec"
	return &Build{id: doc.Identity, task: task}, c.problems
}

// Inline reads a build that stands at a path of another document: its spec
// alone, as in 0.1, or a whole Build, as from 0.2 on. The task is named after
// the document; image is what the document itself runs.
func Inline(doc schema.Document, path string, raw json.RawMessage, image string) (*desired.Task, []schema.Problem) {
	part := doc
	part.JSON, part.Kind = raw, "Build"
	part.Locate = func(field string) (int, int) { return locate(doc, path+"."+field) }
	c := &check{doc: doc, at: path}
	var spec buildSpec
	var problems []schema.Problem
	if whole(raw) {
		var w struct {
			object `json:",inline"`
			Spec   buildSpec `json:"spec"`
		}
		problems = strict.Decode(part, &w)
		spec, c.at = w.Spec, path+".spec"
		if len(problems) == 0 && (w.APIVersion != V1Alpha1 || w.Kind != "Build") {
			c.at = path
			c.errorf("", "want apiVersion: %s and kind: Build, or the build's spec alone", V1Alpha1)
			return nil, c.problems
		}
	} else {
		problems = strict.Decode(part, &spec)
	}
	if len(problems) > 0 {
		for i := range problems {
			problems[i].Path = path + "." + problems[i].Path
		}
		return nil, problems
	}
	task := c.build(spec)
	if schema.HasErrors(c.problems) {
		return nil, c.problems
	}
	task.Namespace, task.Name, task.Inline, task.Path = doc.Identity.Namespace, doc.Identity.Name, true, c.at
	adopt(&task, image)
	return &task, c.problems
}

// whole tells a Build from the spec of one.
func whole(raw json.RawMessage) bool {
	var fields map[string]json.RawMessage
	if json.Unmarshal(bytes.TrimSpace(raw), &fields) != nil {
		return false
	}
	for _, key := range []string{"apiVersion", "kind", "spec"} {
		if _, ok := fields[key]; ok {
			return true
		}
	}
	return false
}

func locate(doc schema.Document, path string) (line, column int) {
	if doc.Locate == nil {
		return 0, 0
	}
	return doc.Locate(path)
}

// build checks a spec and lowers it.
func (c *check) build(w buildSpec) desired.Task {
	if w.Generation != 0 {
		c.warnf("generation", "is counted by the cluster; here it is not acted on")
	}
	t := desired.Task{
		ServiceAccount: w.ServiceAccountName, Timeout: c.timeout(w), Cancelled: c.cancelled(w.Cancel),
		Sources: c.sources(w), NodeSelector: w.NodeSelector, Affinity: w.Affinity, Volumes: w.Volumes, Steps: w.Steps,
	}
	volumes := c.volumes(w.Volumes)
	switch {
	case w.Template != nil && len(w.Steps) > 0:
		c.errorf("steps", "a build has steps or a template, and there is a template already: keep one of them")
	case w.Template != nil:
		t.Template = c.use(*w.Template)
		t.Image = t.Template.Arguments["IMAGE"]
	case len(w.Steps) == 0:
		c.errorf("", "there is nothing to do: write steps, or the template that has them")
	default:
		c.steps(w.Steps, volumes)
	}
	return t
}

func (c *check) timeout(w buildSpec) time.Duration {
	if w.Timeout == nil || w.Timeout.Duration == 0 {
		return DefaultTimeout
	}
	d := w.Timeout.Duration
	if d < 0 || d > MaxTimeout {
		c.errorf("timeout", "want 0s to 24h, got %s", d)
	}
	if d > 0 && d < time.Second {
		c.errorf("timeout", "want a second or more, got %s", d)
	}
	return d.Round(time.Second)
}

func (c *check) cancelled(status string) bool {
	if status != "" && status != "BuildCancelled" {
		c.errorf("Status", "want BuildCancelled, or leave it out, got %q", short(status))
	}
	return status == "BuildCancelled"
}

// use checks how a template is used. Whether it exists, and has these
// parameters, shows when all documents are there.
func (c *check) use(w templateUse) *desired.TemplateUse {
	u := &desired.TemplateUse{Name: w.Name, Arguments: map[string]string{}, Env: w.Env}
	if w.Name == "" {
		c.errorf("template.name", "name is missing: write the template to use")
	}
	switch w.Kind {
	case "", "BuildTemplate":
	case "ClusterBuildTemplate":
		u.Cluster = true
	default:
		c.errorf("template.kind", "want BuildTemplate or ClusterBuildTemplate, got %q", short(w.Kind))
	}
	for i, a := range w.Arguments {
		at := index("template.arguments", i)
		if a.Name == "" {
			c.errorf(at+".name", "name is missing: write the parameter that the value is for")
		} else if _, twice := u.Arguments[a.Name]; twice {
			c.errorf(at+".name", "the parameter %s has a value already: keep one of them", a.Name)
		}
		u.Arguments[a.Name] = a.Value
	}
	for i, e := range w.Env {
		if e.Name == "" {
			c.errorf(index("template.env", i)+".name", "name is missing")
		}
	}
	return u
}

// adopt has an inline build publish the image that its configuration runs,
// unless it names another.
func adopt(t *desired.Task, image string) {
	if t.Image != "" {
		return
	}
	t.Image = image
	if t.Template != nil && image != "" {
		t.Template.Arguments["IMAGE"] = image
	}
}
