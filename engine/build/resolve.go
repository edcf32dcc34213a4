package build

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-dev/sluice/schema/desired"
)

// Trouble is a mistake that shows only when all documents are there, at a
// field of the build's own.
type Trouble struct{ Path, Text string }

// Templates finds templates: those of the repository, then those that come
// with the platform.
type Templates struct {
	described map[[2]string]desired.TaskTemplate
	ready     map[string]desired.TaskTemplate
}

// NewTemplates makes the table.
func NewTemplates(described, ready []desired.TaskTemplate) Templates {
	t := Templates{described: map[[2]string]desired.TaskTemplate{}, ready: map[string]desired.TaskTemplate{}}
	for _, d := range described {
		t.described[[2]string{d.Namespace, d.Name}] = d
	}
	for _, r := range ready {
		t.ready[r.Name] = r
	}
	return t
}

// find gives a template, or says which there are.
func (t Templates) find(namespace string, use *desired.TemplateUse) (desired.TaskTemplate, string) {
	kind := "BuildTemplate"
	if use.Cluster {
		namespace, kind = "", "ClusterBuildTemplate"
	}
	if d, ok := t.described[[2]string{namespace, use.Name}]; ok {
		return d, ""
	}
	// In 2018 there were no templates of the cluster: a template was of a
	// namespace, and of the same name.
	if r, ok := t.ready[use.Name]; ok {
		return r, ""
	}
	text := fmt.Sprintf("there is no %s %q", kind, use.Name)
	if namespace != "" {
		text += " in namespace " + namespace
	}
	return desired.TaskTemplate{}, text + ": add it, or use one of the ClusterBuildTemplates that are ready: " +
		strings.Join(slices.Sorted(maps.Keys(t.ready)), ", ")
}

// Tree is a folder of this repository at the commit that is described.
type Tree struct {
	// Hash names its content.
	Hash string
	// Problem says why it cannot be built from; empty if it can.
	Problem string
}

// Resolved is a task and everything it depends on.
type Resolved struct {
	// Task has the steps and volumes of its template, filled in.
	Task desired.Task
	// Inputs is the hash, in hex, of what the image is made from. Two tasks of
	// equal inputs are one run.
	Inputs string
	// Trees are, for each source, the hash of the folder of this repository;
	// empty for sources from elsewhere.
	Trees []string
	// Ready reports that its template comes with the platform, and Shared that
	// the run may use the namespace's cache beside that: nothing of it was
	// replaced by what could run code of its own.
	Ready, Shared bool
	// Troubles, if any, keep it from running.
	Troubles []Trouble
}

// Resolve fills in a task's template and finds its trees.
func Resolve(task desired.Task, templates Templates, defaults map[string]string, tree func(folder string) Tree) Resolved {
	r := Resolved{Task: task, Trees: make([]string, len(task.Sources))}
	for i, s := range task.Sources {
		if s.Git == nil || s.Git.URL != desired.Here {
			continue
		}
		t := tree(s.SubPath)
		if r.Trees[i] = t.Hash; t.Problem != "" {
			r.trouble(s.Path, "%s", t.Problem)
		}
	}
	if task.Template != nil {
		r.instantiate(templates, defaults)
	}
	r.Inputs = r.hash()
	return r
}

func (r *Resolved) trouble(path, format string, args ...any) {
	r.Troubles = append(r.Troubles, Trouble{path, fmt.Sprintf(format, args...)})
}

// instantiate replaces the task's steps by the template's. Volumes are added
// to the task's own.
func (r *Resolved) instantiate(templates Templates, defaults map[string]string) {
	use := r.Task.Template
	at := r.Task.Path + ".template"
	t, missing := templates.find(r.Task.Namespace, use)
	if missing != "" {
		r.trouble(at+".name", "%s", missing)
		return
	}
	values := r.values(at, t, defaults)
	_, other := use.Arguments["BUILDER_IMAGE"]
	r.Ready, r.Shared = t.Ready, t.Ready && len(use.Env) == 0 && !other
	r.Task.Steps = make([]corev1.Container, len(t.Steps))
	for i := range t.Steps {
		r.Task.Steps[i] = fillStep(t.Steps[i], values)
		for _, e := range use.Env {
			setEnv(&r.Task.Steps[i], e)
		}
	}
	r.Task.Volumes = slices.Clone(r.Task.Volumes)
	for i := range t.Volumes {
		r.Task.Volumes = append(r.Task.Volumes, fillVolume(t.Volumes[i], values))
	}
	r.Task.Image = values["IMAGE"]
}

// values are what the template's parameters stand for.
func (r *Resolved) values(at string, t desired.TaskTemplate, defaults map[string]string) map[string]string {
	arguments := r.Task.Template.Arguments
	values := map[string]string{}
	var names []string
	for _, p := range t.Parameters {
		names = append(names, p.Name)
		value, given := arguments[p.Name]
		installed, set := defaults[t.Name+"."+p.Name]
		switch {
		case given:
			values[p.Name] = value
		case t.Ready && set:
			values[p.Name] = installed
		case p.Default != nil:
			values[p.Name] = *p.Default
		default:
			r.trouble(at+".arguments", "the template %s needs the argument %s: add it", t.Name, p.Name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(arguments)) {
		if !slices.Contains(names, name) && !(name == "IMAGE" && r.Task.Inline) {
			r.trouble(at+".arguments", "the template %s has no parameter %s: it has %s", t.Name, name, strings.Join(names, ", "))
		}
	}
	if _, ok := values["IMAGE"]; !ok {
		values["IMAGE"] = r.Task.Image
	}
	return values
}

// setEnv sets a variable of a step, in the place of one of the same name.
func setEnv(c *corev1.Container, e corev1.EnvVar) {
	c.Env = slices.DeleteFunc(slices.Clone(c.Env), func(old corev1.EnvVar) bool { return old.Name == e.Name })
	c.Env = append(c.Env, e)
}

// hash is over what the image is made from and where it goes. Who waits for
// it, how long it may take and where it runs change nothing.
func (r *Resolved) hash() string {
	t := r.Task
	for i := range t.Sources {
		if i == 0 {
			t.Sources = slices.Clone(t.Sources)
		}
		t.Sources[i].Path = ""
	}
	b, err := json.Marshal(map[string]any{
		"image": t.Image, "account": t.ServiceAccount, "sources": t.Sources, "trees": r.Trees,
		"steps": t.Steps, "volumes": t.Volumes,
	})
	if err != nil {
		panic(fmt.Sprintf("build: a task is always JSON: %v", err))
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
