package serving

import (
	"encoding/json"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// serviceOld is a Service of v1alpha1 as written: one of four modes, or from
// 0.6 on the fields of v1 beside them.
type serviceOld struct {
	object `json:",inline"`
	Spec   oldServiceSpec `json:"spec"`
}

type oldServiceSpec struct {
	Generation int64        `json:"generation,omitempty"`
	RunLatest  *runLatest   `json:"runLatest,omitempty"`
	Pinned     *pinned      `json:"pinned,omitempty"`
	Release    *release     `json:"release,omitempty"`
	Manual     *manual      `json:"manual,omitempty"`
	Template   *oldTemplate `json:"template,omitempty"`
	Traffic    []oldTarget  `json:"traffic,omitempty"`
}

// runLatest sends all requests to the latest ready revision.
type runLatest struct {
	Configuration oldConfigurationSpec `json:"configuration"`
}

// pinned sends all requests to one revision.
type pinned struct {
	RevisionName  string               `json:"revisionName"`
	Configuration oldConfigurationSpec `json:"configuration"`
}

// release splits between a current revision and a candidate.
type release struct {
	Revisions      []string             `json:"revisions"`
	RolloutPercent int64                `json:"rolloutPercent,omitempty"`
	Configuration  oldConfigurationSpec `json:"configuration"`
}

// manual leaves configuration and route to others.
type manual struct{}

// configurationOld is a Configuration of v1alpha1 as written.
type configurationOld struct {
	object `json:",inline"`
	Spec   oldConfigurationSpec `json:"spec"`
}

type oldConfigurationSpec struct {
	Generation       int64           `json:"generation,omitempty"`
	Build            json.RawMessage `json:"build,omitempty"`
	RevisionTemplate *oldTemplate    `json:"revisionTemplate,omitempty"`
	Template         *oldTemplate    `json:"template,omitempty"`
}

type oldTemplate struct {
	metav1.ObjectMeta `json:"metadata"`
	Spec              oldRevisionSpec `json:"spec"`
}

// oldRevisionSpec is today's with the fields of 2018 beside it.
type oldRevisionSpec struct {
	revisionSpec     `json:",inline"`
	Generation       int64                   `json:"generation,omitempty"`
	ServingState     string                  `json:"servingState,omitempty"`
	ConcurrencyModel string                  `json:"concurrencyModel,omitempty"`
	BuildName        string                  `json:"buildName,omitempty"`
	BuildRef         *corev1.ObjectReference `json:"buildRef,omitempty"`
	Container        *corev1.Container       `json:"container,omitempty"`
}

// routeOld is a Route of v1alpha1 as written.
type routeOld struct {
	object `json:",inline"`
	Spec   struct {
		Generation int64       `json:"generation,omitempty"`
		Traffic    []oldTarget `json:"traffic,omitempty"`
	} `json:"spec"`
}

// oldTarget is today's with the name that became tag.
type oldTarget struct {
	target `json:",inline"`
	Name   string `json:"name,omitempty"`
}
