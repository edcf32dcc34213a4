package plan

import (
	"time"

	"github.com/sluice-dev/sluice/engine/manifest"
)

// Object is what is known of one live object.
type Object struct {
	ID              manifest.ID
	UID             string
	ResourceVersion string
	// Digest, Commit, Source and Unit are what the engine stamped on it.
	Digest, Commit, Source, Unit string
	// Ours reports that the object carries our part-of label and its own
	// tracking id; a copy of our labels on somebody else's object is not ours.
	Ours bool
	// OwnsReplicas reports that spec.replicas still belongs to our field manager,
	// from the object's creation; nobody has scaled it since.
	OwnsReplicas bool
	// Scaled is when the autoscaler changed spec.replicas last; zero if it never did.
	Scaled time.Time
	// Terminating objects have been deleted and wait for their finalizers.
	Terminating bool
	// Labels of the object.
	Labels map[string]string
	// Annotations of the object.
	Annotations map[string]string
	// JSON is the object without managedFields; status is kept.
	JSON []byte
}

// Live is the observed part of the cluster: every object of ours. The objects
// are shared: read them, never write to them.
type Live map[manifest.ID]*Object

// Of is the object of an ID; the zero Object if there is none.
func (l Live) Of(id manifest.ID) Object {
	if o, ok := l[id]; ok {
		return *o
	}
	return Object{}
}

// Trouble is why the pods of a revision are not ready, in Kubernetes' own
// words: `ImagePullBackOff`, `CrashLoopBackOff` and what the container said last.
// Without a reason nothing is wrong yet: the message says what is waited for.
type Trouble struct{ Reason, Message string }
