package build

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/sluice-dev/sluice/schema/desired"
)

// Use says that a container of a workload runs what a task publishes.
type Use struct {
	// Container is the index in the pod; -1 if the workload only waits.
	Container int
	Task      *Resolved
}

// Uses finds the tasks that a workload waits for: those it names, and those
// that publish an image of its containers. missing are names of no task.
func Uses(w desired.Workload, tasks []*Resolved) (uses []Use, missing []string) {
	for _, name := range w.Builds {
		i := slices.IndexFunc(tasks, func(t *Resolved) bool { return t.Task.Name == name && t.Task.Namespace == w.Namespace })
		if i < 0 {
			missing = append(missing, name)
			continue
		}
		uses = append(uses, Use{-1, tasks[i]})
	}
	for c := range w.Template.Pod.Containers {
		image := w.Template.Pod.Containers[c].Image
		for _, t := range tasks {
			if t.Task.Namespace == w.Namespace && publishes(t.Task, image) && (!t.Task.Inline || slices.Contains(w.Builds, t.Task.Name)) {
				uses = append(slices.DeleteFunc(uses, func(u Use) bool { return u.Task == t && u.Container < 0 }), Use{c, t})
				break
			}
		}
	}
	return uses, missing
}

// publishes reports whether a container's image is what a task makes. One
// that names a digest is a certain image, and no task's.
func publishes(t desired.Task, image string) bool {
	return t.Image != "" && !strings.Contains(image, "@") && tagged(t.Image) == tagged(image)
}

// tagged is a reference with the tag that it has if none is written.
func tagged(image string) string {
	if strings.LastIndexByte(image, ':') > strings.LastIndexByte(image, '/') {
		return image
	}
	return image + ":latest"
}

// Join makes a workload the revision of what it is built from: other inputs
// are another revision, and the same inputs the same.
func Join(w desired.Workload, uses []Use) desired.Workload {
	if len(uses) == 0 {
		return w
	}
	named := w.Named()
	sum := sha256.New()
	for _, u := range uses {
		sum.Write([]byte(u.Task.Inputs))
	}
	w.Template.Build = hex.EncodeToString(sum.Sum(nil))
	if !named {
		w.Revision = desired.RevisionName(w.Configuration, w.Template)
	}
	return w
}

// Settle gives the workload the digests of its images: those that its
// revision runs already, else those that the builds have published. ok is
// false while one is missing.
func Settle(w desired.Workload, uses []Use, running []string, published func(*Resolved) (image string, done bool)) (_ desired.Workload, ok bool) {
	if len(uses) == 0 {
		return w, true
	}
	w.Template.Pod = *w.Template.Pod.DeepCopy()
	for _, u := range uses {
		if u.Container >= 0 && u.Container < len(running) {
			w.Template.Pod.Containers[u.Container].Image = running[u.Container]
			continue
		}
		if running != nil {
			continue
		}
		image, done := published(u.Task)
		if !done {
			return w, false
		}
		if u.Container >= 0 && image != "" {
			w.Template.Pod.Containers[u.Container].Image = image
		}
	}
	return w, true
}
