package render_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
	"sigs.k8s.io/yaml"

	"github.com/sluice-dev/sluice/engine/history"
	"github.com/sluice-dev/sluice/engine/load"
	"github.com/sluice-dev/sluice/engine/render"
	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/catalog"
	"github.com/sluice-dev/sluice/schema/desired"
	"github.com/sluice-dev/sluice/schema/golden"
	"github.com/sluice-dev/sluice/schema/plain"
)

// Each story is an archive: specs/*.yaml and optionally facts.yaml go in; a
// file a manifest, and routing.yaml, come out. In facts, `latest` stands for
// the revision that the specs describe, and `revision of FILE` for the one of
// another file of the archive. A file refs/NAME.yaml is what the Git ref NAME
// describes.
func TestRender_Stories(t *testing.T) {
	golden.Run(t, "testdata/*.txtar", story)
}

func story(t *testing.T, files []txtar.File) (out []txtar.File) {
	for _, f := range files {
		if !strings.HasPrefix(f.Name, "want/") {
			out = append(out, f)
		}
	}
	for _, u := range parse(t, files).units {
		out = append(out, rendered(t, u)...)
	}
	return out
}

// rendered is what a unit becomes, as files.
func rendered(t *testing.T, u render.Unit) []txtar.File {
	t.Helper()
	res, err := render.Render(u, render.Config{Domain: "example.com", ApplySet: "applyset-test"})
	if err != nil {
		t.Fatal(err)
	}
	again, err := render.Render(u, render.Config{Domain: "example.com", ApplySet: "applyset-test"})
	if err != nil || !cmp.Equal(res.Manifests, again.Manifests) {
		t.Errorf("same input, other bytes: %v", err)
	}
	var out []txtar.File
	for _, m := range res.Manifests {
		var object map[string]any
		if err := yaml.Unmarshal(m.JSON, &object); err != nil {
			t.Fatal(err)
		}
		if m.Replicas != nil {
			object["(replicas at creation)"] = *m.Replicas
		}
		out = append(out, yamlFile(t, "want/"+strings.ToLower(m.ID.Kind)+"-"+m.ID.Name+".yaml", object))
	}
	if u.Nouns.Events() {
		var text strings.Builder
		for _, m := range res.Unmet {
			text.WriteString(schema.Problem{File: u.File, Line: m.Place.Line, Column: m.Place.Column, Path: m.Place.Path, Text: m.Text, Severity: m.Severity}.String() + "\n")
		}
		for _, id := range res.Keep {
			text.WriteString("kept as it is: " + id.String() + "\n")
		}
		if text.Len() == 0 {
			return out
		}
		return append(out, txtar.File{Name: "want/unmet", Data: []byte(text.String())})
	}
	return append(out, yamlFile(t, "want/routing.yaml", map[string]any{"routes": res.Routes, "problems": res.Problems, "keep": res.Keep}))
}

func yamlFile(t *testing.T, name string, v any) txtar.File {
	t.Helper()
	b, err := yaml.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return txtar.File{Name: name, Data: b}
}

// input is a parsed story.
type input struct{ units []render.Unit }

// facts is the form of facts.yaml.
type facts struct {
	Revisions map[string]render.Fact   `json:"revisions"`
	Routed    map[string]render.Routed `json:"routed"`
	Now       time.Time                `json:"now"`
	Worse     map[string]string        `json:"worse"`
}

func parse(t *testing.T, files []txtar.File) input {
	t.Helper()
	kinds := schema.NewKinds(catalog.Kinds(plain.Policy{Allow: []string{"Deployment.apps", "Job.batch", "CronJob.batch"}}))
	names := map[string]string{}
	lines := map[string]*history.Line{}
	refs := map[string]render.Ref{}
	var parts []load.Part
	var rawFacts []byte
	for _, f := range files {
		switch {
		case f.Name == "facts.yaml":
			rawFacts = f.Data
		case strings.HasPrefix(f.Name, "specs/"):
			parts = append(parts, load.Read(load.File{Path: f.Name, Data: f.Data}, kinds))
		case strings.HasPrefix(f.Name, "refs/"):
			for _, w := range workloads(t, load.Read(load.File{Path: f.Name, Data: f.Data}, kinds)) {
				names["(revision of "+f.Name+")"] = w.Revision
				refs[strings.TrimSuffix(strings.TrimPrefix(f.Name, "refs/"), ".yaml")] = render.Ref{Workload: &w}
			}
		case strings.HasPrefix(f.Name, "history/"):
			for _, w := range workloads(t, load.Read(load.File{Path: f.Name, Data: f.Data}, kinds)) {
				names["(revision of "+f.Name+")"] = w.Revision
				if lines[w.Configuration] == nil {
					lines[w.Configuration] = &history.Line{}
				}
				lines[w.Configuration].Describe(history.Commit{Hash: f.Name}, w)
			}
		}
	}
	tree := load.Join(parts)
	for _, p := range tree.Problems {
		t.Log(p)
	}
	in := input{units(t, tree, rawFacts, names, lines)}
	for i := range in.units {
		in.units[i].Refs = refs
	}
	return in
}

func units(t *testing.T, tree load.Tree, rawFacts []byte, names map[string]string, lines map[string]*history.Line) []render.Unit {
	t.Helper()
	latest := map[string]desired.Workload{}
	directory := &render.Directory{}
	for _, id := range tree.Broken {
		directory.AddBroken(id)
	}
	var out []render.Unit
	for _, e := range tree.Specs {
		directory.Add(e.Identity, e.Spec.(desired.Source).Desire())
	}
	for _, e := range tree.Specs {
		u := render.Unit{Identity: e.Identity, File: e.File, Nouns: e.Spec.(desired.Source).Desire(), Latest: latest, Directory: directory}
		if directory.Bound(u.Identity, u.Nouns) != "" {
			u.Nouns = directory.Bind(u.Identity, u.Nouns, render.Config{})
		}
		for _, w := range u.Nouns.Workloads {
			latest[w.Configuration] = w
			names["(latest of "+w.Configuration+")"] = w.Revision
		}
		out = append(out, u)
	}
	text := string(rawFacts)
	for placeholder, name := range names {
		text = strings.ReplaceAll(text, placeholder, name)
	}
	var f facts
	if err := yaml.UnmarshalStrict([]byte(text), &f); err != nil {
		t.Fatal(err)
	}
	for i := range out {
		out[i].Facts = render.Facts{Revisions: f.Revisions, Routed: f.Routed}
		out[i].Now, out[i].Worse = f.Now, f.Worse
		out[i].Lines = map[string]history.Line{}
		for name, l := range lines {
			l.Describe(history.Commit{Hash: "head"}, latest[name])
			out[i].Lines[name] = *l
		}
	}
	return out
}

func workloads(t *testing.T, part load.Part) []desired.Workload {
	t.Helper()
	var out []desired.Workload
	for _, e := range part.Entries {
		if e.Spec == nil {
			t.Fatalf("%v", part.Problems)
		}
		out = append(out, e.Spec.(desired.Source).Desire().Workloads...)
	}
	return out
}
