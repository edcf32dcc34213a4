package build

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/sluice-dev/sluice/schema/desired"
)

// ResolveAside resolves a task for the sources of another Git ref. Its Inputs
// are those that the task has when the ref is merged, so that nothing is built
// twice; what it publishes has a tag of the ref's own, so that the branch's
// stays where it is.
func ResolveAside(task desired.Task, templates Templates, c Config, tag string, tree func(folder string) Tree) Resolved {
	merged := Resolve(task, templates, c.Defaults, tree)
	out := Resolve(retagged(task, tag), templates, c.Defaults, tree)
	out.Inputs = merged.Inputs
	if image := merged.Task.Image; image != "" && len(out.Troubles) == 0 && names(out.Task, out.Task.Image, image) {
		out.trouble(task.Path, "its steps say by themselves that it goes to %s, where the branch's image is: give it a template with the parameter IMAGE", image)
	}
	out.Keep(c)
	return out
}

// retagged is a task that publishes under another tag.
func retagged(task desired.Task, tag string) desired.Task {
	task.Image = withTag(task.Image, tag)
	if task.Template == nil {
		return task
	}
	use := *task.Template
	if image, given := use.Arguments["IMAGE"]; given {
		use.Arguments = maps.Clone(use.Arguments)
		use.Arguments["IMAGE"] = withTag(image, tag)
	}
	task.Template = &use
	return task
}

// withTag is an image with another tag; of no image, none.
func withTag(image, tag string) string {
	if image == "" {
		return ""
	}
	name := tagged(image)
	return name[:strings.LastIndexByte(name, ':')+1] + tag
}

// names reports whether a task's steps hold the name of an image beside that
// of another.
func names(task desired.Task, except, image string) bool {
	for i := range task.Steps {
		b, err := json.Marshal(task.Steps[i])
		if err != nil {
			return true
		}
		for _, word := range strings.FieldsFunc(string(b), func(r rune) bool { return !strings.ContainsRune(imageRunes, r) }) {
			if word != except && slices.Contains([]string{image, tagged(image)}, word) {
				return true
			}
		}
	}
	return false
}

// imageRunes are what an image's name is made of.
const imageRunes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_/:@"
