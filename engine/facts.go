package engine

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/engine/plan"
	"github.com/sluice-dev/sluice/engine/render"
	"github.com/sluice-dev/sluice/engine/rollout"
	"github.com/sluice-dev/sluice/engine/status"
	"github.com/sluice-dev/sluice/schema/contract"
)

// revision is what the cluster knows of one, read from its Deployment. It is
// shared between passes and never written to.
type revision struct {
	// version of the Deployment that it was read from.
	version       string
	key           revisionKey
	configuration string
	// labelled: it says that it is a revision; other Deployments are none.
	labelled bool
	// source: it brings events.
	source   bool
	created  time.Time
	replicas int32
	ready    bool
	// serving: at least one pod is available now.
	serving bool
	// reason says what is wrong, message more of it. Without a reason nothing
	// is wrong yet, and the message says what is waited for.
	reason  string
	message string
	commit  string
	// preview is the Git ref that it was made for; empty if the trusted branch
	// described it.
	preview string
	// scaled is when the autoscaler changed its number of pods last; zero if it
	// never did. preserved: its template asks never to be collected.
	scaled    time.Time
	preserved bool
	// activation is how it got its first pod last.
	activation contract.Activation
}

// annotationNoGC, with the value true, keeps a revision for ever: Knative's.
const annotationNoGC = "serving.knative.dev/no-gc"

// yes is a boolean as annotations spell it.
func yes(text string) bool {
	b, err := strconv.ParseBool(text)
	return err == nil && b
}

// factCache holds what was read from a Deployment, by its resource version.
type factCache map[manifest.ID]*revision

// cluster is the live objects as the line needs them.
type cluster struct {
	live plan.Live
	runs runs
	// revisions are sorted by namespace, configuration and name.
	revisions []*revision
	// names are the same by name, indexed when first asked for.
	names func() map[revisionKey]*revision
	// sources are the Deployments that bring events, read like revisions.
	sources []*revision
	// starts are the Jobs that started feeds.
	starts []start
	// farewells are the Jobs that remove what deleted specs have outside.
	farewells []status.Farewell
}

func newCluster(live plan.Live, revisions []*revision) cluster {
	slices.SortFunc(revisions, compareRevisions)
	return cluster{live: live, revisions: revisions, names: sync.OnceValue(func() map[revisionKey]*revision {
		names := make(map[revisionKey]*revision, len(revisions))
		for _, r := range revisions {
			names[r.key] = r
		}
		return names
	})}
}

func compareRevisions(a, b *revision) int {
	if c := a.compare(configurationKey{b.key.namespace, b.configuration}); c != 0 {
		return c
	}
	return strings.Compare(a.key.name, b.key.name)
}

// compare tells where the revision stands against those of a configuration.
func (r *revision) compare(key configurationKey) int {
	if c := strings.Compare(r.key.namespace, key.namespace); c != 0 {
		return c
	}
	return strings.Compare(r.configuration, key.name)
}

// of are the revisions of a configuration, by name.
func (c cluster) of(key configurationKey) []*revision {
	from, _ := slices.BinarySearchFunc(c.revisions, key, (*revision).compare)
	to := from
	for to < len(c.revisions) && c.revisions[to].compare(key) == 0 {
		to++
	}
	return c.revisions[from:to]
}

// survey finds the live revisions.
func (e *Engine) survey(live plan.Live) cluster {
	revisions := make([]*revision, 0, len(e.facts))
	var sources []*revision
	var leaving []*plan.Object
	for id, object := range live {
		if !object.Ours && object.Labels[contract.LabelFarewell] != "" {
			leaving = append(leaving, object)
		}
		if id.Kind != "Deployment" || !object.Ours || object.Terminating {
			continue
		}
		r := e.facts.revision(object)
		if !r.labelled && !r.source {
			continue
		}
		if t := e.trouble[r.key]; t.Trouble != (plan.Trouble{}) && !r.serving {
			troubled := *r
			troubled.reason, troubled.message = cmp.Or(t.Reason, r.reason), t.Message
			r = &troubled
		}
		if r.source {
			sources = append(sources, r)
			continue
		}
		revisions = append(revisions, r)
	}
	if len(e.facts) > 2*len(revisions)+64 { // most of them are gone
		maps.DeleteFunc(e.facts, func(id manifest.ID, _ *revision) bool { _, there := live[id]; return !there })
	}
	c := newCluster(live, revisions)
	c.sources = sources
	c.runs, c.starts, c.farewells = e.readRuns(live), e.readStarts(live), e.readFarewells(leaving)
	return c
}

// revision reads a Deployment, once a resource version.
func (f factCache) revision(object *plan.Object) *revision {
	if r, ok := f[object.ID]; ok && r.version == object.ResourceVersion {
		return r
	}
	r := readRevision(object)
	f[object.ID] = &r
	return &r
}

// readRevision judges a Deployment. Ready means that its pods were available
// once since it was created: Kubernetes records that in the Progressing
// condition and keeps it when the revision is scaled to zero. A revision that
// was created with no pods has nothing to prove.
func readRevision(object *plan.Object) revision {
	r := revision{
		version:       object.ResourceVersion,
		key:           revisionKey{object.ID.Namespace, object.ID.Name},
		configuration: object.Labels[contract.LabelConfiguration],
		labelled:      object.Labels[contract.LabelRevision] != "",
		source:        object.Labels[contract.LabelSource]+object.Labels[contract.LabelDispatcher] != "",
		commit:        object.Commit,
		preview:       object.Annotations[contract.AnnotationPreview],
		scaled:        object.Scaled,
		preserved:     yes(object.Annotations[annotationNoGC]),
	}
	var d struct {
		Metadata metav1.ObjectMeta         `json:"metadata"`
		Spec     struct{ Replicas *int32 } `json:"spec"`
		Status   appsv1.DeploymentStatus   `json:"status"`
	}
	if err := json.Unmarshal(object.JSON, &d); err != nil {
		r.reason, r.message = "Unreadable", err.Error()
		return r
	}
	r.created = d.Metadata.CreationTimestamp.Time
	r.replicas = d.Status.Replicas
	r.serving = d.Status.AvailableReplicas > 0
	asleep := d.Spec.Replicas != nil && *d.Spec.Replicas == 0
	r.ready = r.serving || asleep
	for _, c := range d.Status.Conditions {
		r.judge(c)
	}
	_ = json.Unmarshal([]byte(object.Annotations[contract.AnnotationActivation]), &r.activation) // unreadable: it says nothing
	if r.activation.Result == contract.ActivationFailed && !r.serving && r.reason == "" {
		r.reason, r.message = "ActivationFailed", r.activation.Error
	}
	if why := object.Annotations[contract.AnnotationFailed]; why != "" && !r.serving {
		r.ready, r.reason, r.message = false, "GivenUp", r.givenUp(why)
	}
	return r
}

// givenUp says why, what its pods said first, and what to do.
func (r *revision) givenUp(why string) string {
	if r.activation.Result == contract.ActivationFailed && r.activation.Error != "" {
		why = r.activation.Error + " (" + why + ")"
	}
	return why + "; to try again: kubectl -n " + r.key.namespace + " delete deployment " + r.key.name
}

// judge adds one condition of the Deployment's status.
func (r *revision) judge(c appsv1.DeploymentCondition) {
	switch {
	case c.Type == appsv1.DeploymentProgressing && c.Reason == "NewReplicaSetAvailable":
		r.ready = true
	case c.Type == appsv1.DeploymentProgressing && c.Status == corev1.ConditionFalse:
		r.reason, r.message = c.Reason, c.Message
	case c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue:
		r.reason, r.message = c.Reason, c.Message
	}
}

// fact says the same in render's words.
func (r *revision) fact() render.Fact {
	return render.Fact{Ready: r.ready, Reason: r.reason, Message: r.message, Preview: r.preview}
}

// routed reads what a route's VirtualService was written with.
func routed(object *plan.Object) render.Routed {
	return render.Routed{
		LatestReady: pairs(object.Annotations[contract.AnnotationLatestReady]),
		RefReady:    pairs(object.Annotations[contract.AnnotationRefReady]),
		Previews:    pairs(object.Annotations[contract.AnnotationPreviews]),
		Rollouts:    rollout.Decode(object.Annotations[contract.AnnotationRollouts]),
	}
}

// pairs reads `k=v,k=v`.
func pairs(text string) map[string]string {
	out := map[string]string{}
	for pair := range strings.SplitSeq(text, ",") {
		if k, v, ok := strings.Cut(pair, "="); ok {
			out[k] = v
		}
	}
	return out
}
