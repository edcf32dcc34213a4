package render

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

// An event source of 2018 with an image of its own is a program that is run
// twice: to start a feed, whose last words are the feed's context, and with that
// context to stop it. The first is a Job named by the hash of what it is told,
// the second its farewell.

// Start is the Job that started a feed, as the cluster knows it.
type Start struct {
	Job string
	// Context is what it said last, in base64 as it said it; "" if nothing yet.
	Context string
}

const (
	operationStart = "START"
	operationStop  = "STOP"
	// nothing is an empty JSON object in base64: what a program of 2018 can read.
	nothing = "e30="
	// startTries and startWithin, in seconds, bound how hard a start is tried.
	startTries  = 6
	startWithin = 10 * 60
)

// ownImages are where the images of 2018's own sources came from: those that
// sources of ours stand for.
const ownImages = "knative/eventing/pkg/sources/"

// feedlet renders the start of a feed by an image of somebody's own.
func (e events) feedlet(f desired.Feed, s desired.FeedSource) error {
	if !e.needs(f.Refs...) {
		e.keepStarts()
		return nil
	}
	if len(f.ParametersFrom) > 1 {
		e.unmet(at(f, "parametersFrom[1]"), "one Secret is read: put all parameters into its JSON object")
		e.keepStarts()
		return nil
	}
	if len(f.ParametersFrom) == 1 {
		e.Unmet = append(e.Unmet, Unmet{at(f, "parametersFrom"), fmt.Sprintf("the Secret's value is in %s, and not in %s as in 2018, where everybody could read it: the image has to look there", contract.EnvFeedParameters, contract.EnvFeedTrigger), schema.Warning})
	}
	pod, err := e.feedletPod(f, s)
	if err != nil {
		return err
	}
	b, err := json.Marshal(pod)
	if err != nil {
		return fmt.Errorf("%s: %w", f.Name, err)
	}
	sum := sha256.Sum256(b)
	name := f.Name[:min(len(f.Name), 46)] + "-feed-" + hex.EncodeToString(sum[:])[:10]
	annotations, err := farewell(contract.Farewell{Of: name, Env: map[string]string{
		contract.EnvFeedOperation: operationStop, contract.EnvFeedContext: e.context(name),
	}, Words: contract.EnvFeedContext})
	if err != nil {
		return err
	}
	pod.Labels = map[string]string{contract.LabelPartOf: e.c.ApplySet, contract.LabelSource: f.Name} // so that the engine sees the pod
	return add(e.Result, e.u, e.c)(typed("batch/v1", "Job", &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.Namespace, Name: name, Labels: map[string]string{contract.LabelSource: f.Name}, Annotations: annotations},
		Spec:       batchv1.JobSpec{BackoffLimit: ptr(int32(startTries)), ActiveDeadlineSeconds: ptr(int64(startWithin)), Template: pod},
	}), nil)
}

// feedletPod is told what 2018's programs were.
func (e events) feedletPod(f desired.Feed, s desired.FeedSource) (corev1.PodTemplateSpec, error) {
	trigger := struct {
		EventType  string          `json:"eventType"`
		Resource   string          `json:"resource"`
		Service    string          `json:"service"`
		Parameters json.RawMessage `json:"params"`
	}{f.EventType.Name, f.Resource, f.Service, orEmpty(f.Parameters)}
	b, err := json.Marshal(trigger)
	if err != nil {
		return corev1.PodTemplateSpec{}, fmt.Errorf("%s: %w", f.Name, err)
	}
	_, target, _ := strings.Cut(strings.TrimSuffix(f.Sink.URL, "/"), "://")
	env := []corev1.EnvVar{
		{Name: contract.EnvFeedOperation, Value: operationStart},
		{Name: contract.EnvFeedTarget, Value: target},
		{Name: contract.EnvFeedTrigger, Value: base64.StdEncoding.EncodeToString(b)},
		{Name: contract.EnvFeedContext, Value: nothing},
		{Name: contract.EnvFeedSource, Value: base64.StdEncoding.EncodeToString(orEmpty(s.Parameters))},
		field(contract.EnvFeedNamespace, "metadata.namespace"),
		field(contract.EnvFeedAccount, "spec.serviceAccountName"),
	}
	for i := range f.ParametersFrom {
		env = append(env, corev1.EnvVar{Name: contract.EnvFeedParameters, ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &f.ParametersFrom[i]}})
	}
	pod := corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{"sidecar.istio.io/inject": "false"}},
		Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyNever, ServiceAccountName: f.ServiceAccount, EnableServiceLinks: ptr(false),
			AutomountServiceAccountToken: ptr(f.ServiceAccount != ""), // who names none has no business with the API
			Containers:                   []corev1.Container{{Name: "feedlet", Image: s.Image, Env: env}},
		},
	}
	sinkEnv(&pod.Spec, f.Sink, nil, e.c)
	lastWords(pod.Spec.Containers)
	return pod, nil
}

func field(name, path string) corev1.EnvVar {
	return corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: path}}}
}

func orEmpty(b json.RawMessage) json.RawMessage {
	if len(b) == 0 {
		return json.RawMessage("{}")
	}
	return b
}

// context is what the start of a feed said last.
func (e events) context(job string) string {
	i := slices.IndexFunc(e.u.Facts.Starts, func(s Start) bool { return s.Job == job })
	if i < 0 || e.u.Facts.Starts[i].Context == "" {
		return nothing
	}
	return e.u.Facts.Starts[i].Context
}

// keepStarts has the unit's feed go on as it was started.
func (e events) keepStarts() {
	for _, s := range e.u.Facts.Starts {
		e.keep("batch/v1", "Job", e.u.Identity.Namespace, s.Job)
	}
}
