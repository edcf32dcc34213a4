package serving

import (
	"encoding/json"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/schema/desired"
)

// Group is the API group of every kind here.
const Group = "serving.knative.dev"

// The versions that are read.
const (
	V1       = Group + "/v1"
	V1Beta1  = Group + "/v1beta1"
	V1Alpha1 = Group + "/v1alpha1"
)

// object is what every document begins with.
type object struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Status            json.RawMessage `json:"status,omitempty"`
}

// revisionTemplate is what revisions are made of, as written.
type revisionTemplate struct {
	metav1.ObjectMeta `json:"metadata"`
	Spec              revisionSpec `json:"spec"`
}

// revisionSpec is a pod's spec and how requests reach it.
type revisionSpec struct {
	corev1.PodSpec              `json:",inline"`
	ContainerConcurrency        *int64 `json:"containerConcurrency,omitempty"`
	TimeoutSeconds              *int64 `json:"timeoutSeconds,omitempty"`
	ResponseStartTimeoutSeconds *int64 `json:"responseStartTimeoutSeconds,omitempty"`
	IdleTimeoutSeconds          *int64 `json:"idleTimeoutSeconds,omitempty"`
	LoadBalancingPolicy         string `json:"loadBalancingPolicy,omitempty"`
}

// target is one entry of traffic.
type target struct {
	Tag               string `json:"tag,omitempty"`
	RevisionName      string `json:"revisionName,omitempty"`
	ConfigurationName string `json:"configurationName,omitempty"`
	LatestRevision    *bool  `json:"latestRevision,omitempty"`
	Percent           *int64 `json:"percent,omitempty"`
	// GitRef is ours: the revision that a tag, branch or commit describes.
	GitRef string `json:"gitRef,omitempty"`
	// URL belongs to status.
	URL string `json:"url,omitempty"`
}

// percent is the target's share, 0 where none is written.
func (t target) percent() int64 {
	if t.Percent == nil {
		return 0
	}
	return *t.Percent
}

// template is a revision's template in the one shape that both versions are
// brought to, with the paths it had in its document.
type template struct {
	// name is the revision's own name, if the user brought one.
	name        string
	labels      map[string]string
	annotations map[string]string
	spec        revisionSpec
	at          paths
	// meta is all of the template's metadata, for what is not acted on.
	meta metav1.ObjectMeta
	// revision is the revision's name, known once the defaults are set.
	revision string
	// build is the inline build, and builds are the names of others, that the
	// revision waits for.
	build  *desired.Task
	builds []string
}

// paths says where the parts of a template stand in their document.
type paths struct {
	meta, spec string
	// container is where the only container stands in the old spelling;
	// empty where there is a list.
	container string
}

// containerAt is the path of a container.
func (p paths) containerAt(i int) string {
	if p.container != "" {
		return p.container
	}
	return index(p.spec+".containers", i)
}

// annotations is the path of the template's annotations.
func (p paths) annotations() string {
	if p.meta == "" {
		return "the template's metadata.annotations"
	}
	return p.meta + ".annotations"
}
