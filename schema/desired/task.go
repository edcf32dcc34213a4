package desired

import (
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Task is something that runs to its end and leaves an image behind: a build.
type Task struct {
	Namespace, Name string
	// Inline tasks belong to the configuration of their name, which waits for
	// them; others stand alone, and whoever names them waits.
	Inline bool `json:",omitempty"`
	// Image is the reference that the task publishes; empty if nobody says.
	Image string `json:",omitempty"`
	// ServiceAccount is whose Secrets the steps may use; empty is the
	// namespace's default.
	ServiceAccount string `json:",omitempty"`
	// Timeout bounds all steps together.
	Timeout time.Duration
	// Cancelled tasks do not begin, and end if they run.
	Cancelled bool `json:",omitempty"`
	// Sources are fetched before the first step, in order.
	Sources []TaskSource `json:",omitempty"`
	// Template, if set, has the steps.
	Template *TemplateUse       `json:",omitempty"`
	Steps    []corev1.Container `json:",omitempty"`
	Volumes  []corev1.Volume    `json:",omitempty"`
	// NodeSelector and Affinity say where it may run.
	NodeSelector map[string]string `json:",omitempty"`
	Affinity     *corev1.Affinity  `json:",omitempty"`
	// Path is where the task stands in its document, for problems.
	Path string
}

// Here is the URL of the repository that the task itself is described in, at
// the commit that is described.
const Here = "."

// TaskSource is where files come from. Exactly one of Git, GCS and Custom is set.
type TaskSource struct {
	// Name tells several sources apart; empty for an only one.
	Name string `json:",omitempty"`
	// TargetPath is the folder below the workspace; empty is the workspace.
	TargetPath string `json:",omitempty"`
	// SubPath is the only folder of the source that steps see; empty is all.
	SubPath string            `json:",omitempty"`
	Git     *GitSource        `json:",omitempty"`
	GCS     *GCSSource        `json:",omitempty"`
	Custom  *corev1.Container `json:",omitempty"`
	// Path is where the source stands in its document, for problems.
	Path string
}

// GitSource is a repository at a revision. URL may be Here; then there is no
// Revision.
type GitSource struct{ URL, Revision string }

// GCSSource is an object of Google Cloud Storage: an Archive, or a Manifest
// that lists files.
type GCSSource struct{ Type, Location string }

// TemplateUse is a template with its parameters' values.
type TemplateUse struct {
	// Cluster templates have no namespace.
	Cluster bool `json:",omitempty"`
	Name    string
	// Arguments by parameter; Env is set in every step and wins.
	Arguments map[string]string `json:",omitempty"`
	Env       []corev1.EnvVar   `json:",omitempty"`
}

// TaskTemplate is steps with parameters to be filled in.
type TaskTemplate struct {
	// Namespace is empty for a cluster's template.
	Namespace  string `json:",omitempty"`
	Name       string
	Parameters []Parameter        `json:",omitempty"`
	Steps      []corev1.Container `json:",omitempty"`
	Volumes    []corev1.Volume    `json:",omitempty"`
	// Ready templates come with the platform: an installation may set their
	// defaults, and no step of theirs runs code of whom it builds for beside
	// the shared cache.
	Ready bool `json:",omitempty"`
}
