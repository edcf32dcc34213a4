package building

import (
	"encoding/json"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// object is what every document begins with.
type object struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Status            json.RawMessage `json:"status,omitempty"`
}

// buildDocument is a Build as written.
type buildDocument struct {
	object `json:",inline"`
	Spec   buildSpec `json:"spec"`
}

// buildSpec is a build as written, in any of its versions.
type buildSpec struct {
	Generation         int64              `json:"generation,omitempty"`
	ServiceAccountName string             `json:"serviceAccountName,omitempty"`
	Timeout            *metav1.Duration   `json:"timeout,omitempty"`
	Source             *source            `json:"source,omitempty"`
	Sources            []source           `json:"sources,omitempty"`
	Template           *templateUse       `json:"template,omitempty"`
	Steps              []corev1.Container `json:"steps,omitempty"`
	Volumes            []corev1.Volume    `json:"volumes,omitempty"`
	NodeSelector       map[string]string  `json:"nodeSelector,omitempty"`
	Affinity           *corev1.Affinity   `json:"affinity,omitempty"`
	// Cancel has no tag of its own in the original: the key is Status.
	Cancel string `json:"Status,omitempty"`
}

type source struct {
	Name       string            `json:"name,omitempty"`
	TargetPath string            `json:"targetPath,omitempty"`
	SubPath    string            `json:"subPath,omitempty"`
	Git        *gitSource        `json:"git,omitempty"`
	GCS        *gcsSource        `json:"gcs,omitempty"`
	Custom     *corev1.Container `json:"custom,omitempty"`
}

type gitSource struct {
	URL      string `json:"url"`
	Revision string `json:"revision,omitempty"`
}

type gcsSource struct {
	Type     string `json:"type,omitempty"`
	Location string `json:"location"`
}

// templateUse names a template and fills in its parameters.
type templateUse struct {
	Name      string          `json:"name"`
	Kind      string          `json:"kind,omitempty"`
	Arguments []argument      `json:"arguments,omitempty"`
	Env       []corev1.EnvVar `json:"env,omitempty"`
}

type argument struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// templateDocument is a BuildTemplate or ClusterBuildTemplate as written.
type templateDocument struct {
	object `json:",inline"`
	Spec   struct {
		Generation int64              `json:"generation,omitempty"`
		Parameters []parameter        `json:"parameters,omitempty"`
		Steps      []corev1.Container `json:"steps"`
		Volumes    []corev1.Volume    `json:"volumes,omitempty"`
	} `json:"spec"`
}

type parameter struct {
	Name        string  `json:"name"`
	Description string  `json:"description,omitempty"`
	Default     *string `json:"default,omitempty"`
}
