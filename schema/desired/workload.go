package desired

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Workload is one immutable revision: what runs and how it is bounded.
type Workload struct {
	// Namespace of the configuration, and of all that is made from it.
	Namespace string
	// Service is the Service that owns the configuration; empty for a free-standing one.
	Service string
	// Configuration is the name the revision is named after.
	Configuration string
	// Revision is the revision's name: the template's own name where the user
	// brought one, else RevisionName.
	Revision string
	// Builds names the tasks of its namespace that it waits for, beside those
	// that publish one of its images.
	Builds []string `json:",omitempty"`
	// Template is what the revision is the hash of.
	Template Template
}

// Template is the canonical template of a revision: two specs that mean the
// same, in whatever version they were written, have equal Templates.
type Template struct {
	// Labels and Annotations are the template's metadata.
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
	// Pod is the defaulted pod spec. Exactly one container has a port: the one
	// that serves, and its port's name is http1 or h2c.
	Pod corev1.PodSpec `json:"pod"`
	// ContainerConcurrency is the hard limit of requests per pod; 0 is none.
	ContainerConcurrency int64 `json:"containerConcurrency"`
	// TimeoutSeconds, ResponseStartTimeoutSeconds and IdleTimeoutSeconds bound a request.
	TimeoutSeconds              int64 `json:"timeoutSeconds"`
	ResponseStartTimeoutSeconds int64 `json:"responseStartTimeoutSeconds,omitempty"`
	IdleTimeoutSeconds          int64 `json:"idleTimeoutSeconds,omitempty"`
	// Build is the hash of what the template's images are built from; empty for
	// a template that names images that are there already.
	Build string `json:"build,omitempty"`
}

// Hash is the first 10 hex digits of the SHA-256 of the template's canonical
// JSON. 40 bits: with 1,000 templates of one service the chance that any two
// meet is about one in two million.
func (t Template) Hash() string {
	b, err := json.Marshal(t)
	if err != nil {
		panic(fmt.Sprintf("desired: a template is always JSON: %v", err))
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:5])
}

// RevisionName is `{configuration}-{hash}`. It needs no history, survives a
// force-push and a wiped cluster, and is the same on every branch. A name that
// would be longer than a DNS label is cut, and the cut-off part hashed in.
func RevisionName(configuration string, t Template) string {
	hash := t.Hash()
	if len(configuration)+1+len(hash) <= 63 {
		return configuration + "-" + hash
	}
	sum := sha256.Sum256([]byte(configuration + "/" + hash))
	return strings.TrimRight(configuration[:63-1-len(hash)], "-") + "-" + hex.EncodeToString(sum[:5])
}

// Named reports whether the user brought the revision's name.
func (w Workload) Named() bool { return w.Revision != RevisionName(w.Configuration, w.Template) }

// ServingContainer is the index of the container that has the port.
func (t Template) ServingContainer() int {
	for i := range t.Pod.Containers {
		if len(t.Pod.Containers[i].Ports) > 0 {
			return i
		}
	}
	return 0
}
