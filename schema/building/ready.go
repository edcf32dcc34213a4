package building

import (
	"embed"
	"fmt"
	"sync"

	"sigs.k8s.io/yaml"

	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/desired"
)

//go:embed ready/*.yaml
var readyFiles embed.FS

// Ready lists the ClusterBuildTemplates that come with the platform, by name.
// A repository that describes one of the same name has its own instead.
func Ready() []desired.TaskTemplate { return ready() }

var ready = sync.OnceValue(func() []desired.TaskTemplate {
	files, err := readyFiles.ReadDir("ready")
	if err != nil {
		panic(fmt.Sprintf("building: embedded templates: %v", err))
	}
	var out []desired.TaskTemplate
	for _, f := range files {
		out = append(out, mustRead(f.Name()))
	}
	return out
})

func mustRead(name string) desired.TaskTemplate {
	text, err := readyFiles.ReadFile("ready/" + name)
	if err != nil {
		panic(fmt.Sprintf("building: %s: %v", name, err))
	}
	raw, err := yaml.YAMLToJSON(text)
	if err != nil {
		panic(fmt.Sprintf("building: %s: %v", name, err))
	}
	var head object
	if err := yaml.Unmarshal(text, &head); err != nil {
		panic(fmt.Sprintf("building: %s: %v", name, err))
	}
	id := schema.Identity{Group: "build.knative.dev", Kind: head.Kind, Name: head.Name}
	spec, problems := decodeTemplate(schema.Document{File: name, APIVersion: head.APIVersion, Kind: head.Kind, Identity: id, JSON: raw})
	if len(problems) > 0 {
		panic(fmt.Sprintf("building: %v", problems))
	}
	t := spec.(*Template).template
	t.Ready = true
	return t
}
