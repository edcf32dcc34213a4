package build_test

import (
	"bytes"
	"fmt"
	"testing"

	"golang.org/x/tools/txtar"
	"sigs.k8s.io/yaml"

	"github.com/sluice-dev/sluice/engine/build"
	"github.com/sluice-dev/sluice/engine/load"
	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/building"
	"github.com/sluice-dev/sluice/schema/desired"
	"github.com/sluice-dev/sluice/schema/golden"
	"github.com/sluice-dev/sluice/schema/serving"
)

var installation = build.Config{
	Image: "registry.example.com/sluice:v1", Source: "http://engine:9091", Registries: "local.dev=http://127.0.0.1:5000",
	Cache: "/var/cache/builds", ApplySet: "set", Repository: "https://example.com/specs",
}

// TestGolden resolves every build of specs.yaml and renders its Job.
func TestGolden(t *testing.T) {
	golden.Run(t, "testdata/*.txtar", func(t *testing.T, files []txtar.File) []txtar.File {
		return append(files[:1:1], render(t, files[0])...)
	})
}

func render(t *testing.T, in txtar.File) []txtar.File {
	t.Helper()
	tasks, workloads := resolve(t, in)
	var out []txtar.File
	for _, r := range tasks {
		name := r.Task.Namespace + "-" + r.Task.Name
		if len(r.Troubles) > 0 {
			var text bytes.Buffer
			for _, trouble := range r.Troubles {
				fmt.Fprintf(&text, "%s: %s\n", trouble.Path, trouble.Text)
			}
			out = append(out, txtar.File{Name: "troubles/" + name, Data: text.Bytes()})
			continue
		}
		m, err := build.Job(*r, installation, "0123456789", false, build.Marks{}, schema.Identity{Kind: "Build", Name: r.Task.Name}, in.Name)
		if err != nil {
			t.Fatal(err)
		}
		text, err := yaml.JSONToYAML(m.JSON)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, txtar.File{Name: "job/" + name, Data: text})
	}
	for _, w := range workloads {
		uses, missing := build.Uses(w, tasks)
		joined := build.Join(w, uses)
		text := fmt.Sprintf("revision %s waits for %d builds; missing %q\n", joined.Revision, len(uses), missing)
		settled, ok := build.Settle(joined, uses, nil, func(r *build.Resolved) (string, bool) { return r.Task.Image + "@sha256:feed", true })
		text += fmt.Sprintf("runs %v %v\n", settled.Template.Pod.Containers[0].Image, ok)
		out = append(out, txtar.File{Name: "workload/" + w.Configuration, Data: []byte(text)})
	}
	return out
}

// resolve reads specs and resolves their builds; a folder's tree is its name.
func resolve(t *testing.T, in txtar.File) (tasks []*build.Resolved, workloads []desired.Workload) {
	t.Helper()
	kinds := append(building.Kinds(), serving.Kinds()...)
	tree := load.Join([]load.Part{load.Read(load.File{Path: in.Name, Data: in.Data}, schema.NewKinds(kinds))})
	for _, p := range tree.Problems {
		if p.Severity == schema.Error {
			t.Fatal(p)
		}
	}
	var templates []desired.TaskTemplate
	var all []desired.Task
	for _, e := range tree.Specs {
		n := e.Spec.(desired.Source).Desire()
		templates, all, workloads = append(templates, n.Templates...), append(all, n.Tasks...), append(workloads, n.Workloads...)
	}
	for _, task := range all {
		r := build.Resolve(task, build.NewTemplates(templates, building.Ready()), map[string]string{"go.BUILDER_IMAGE": "registry.example.com/go"}, func(folder string) build.Tree {
			if folder == "nowhere" {
				return build.Tree{Problem: "there is no such folder"}
			}
			return build.Tree{Hash: "tree-of-" + folder}
		})
		tasks = append(tasks, &r)
	}
	return tasks, workloads
}
