package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/cmd/sluice/install"
)

// talkers are plain objects whose pods send events to K_SINK, and what binds them:
// by name, and the runs of a CronJob by the labels of its Jobs.
const talkers = `apiVersion: apps/v1
kind: Deployment
metadata: {name: e2e-talker}
spec:
  selector: {matchLabels: {app: e2e-talker}}
  template:
    metadata: {labels: {app: e2e-talker}}
    spec: {containers: [{name: talker, image: "local.dev/emitter:v1", env: [{name: TYPE, value: deployed}]}]}
---
apiVersion: batch/v1
kind: Job
metadata: {name: e2e-once}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: once, image: "local.dev/emitter:v1", env: [{name: TYPE, value: jobbed}]}]}}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: e2e-beat}
spec:
  schedule: "* * * * *"
  concurrencyPolicy: Forbid
  jobTemplate:
    metadata: {labels: {app: e2e-beat}}
    spec: {template: {spec: {restartPolicy: Never, containers: [{name: beat, image: "local.dev/emitter:v1", env: [{name: TYPE, value: timed}]}]}}}
---
`

// binding is a SinkBinding of e2e-NAME.
func binding(name, subject, sink string) string {
	return fmt.Sprintf(`apiVersion: sources.knative.dev/v1
kind: SinkBinding
metadata: {name: e2e-%s}
spec:
  subject: {%s}
  sink: {ref: {apiVersion: serving.knative.dev/v1, kind: Service, name: %s}}
  ceOverrides: {extensions: {team: %s}}
---
`, name, subject, sink, name)
}

// inbox is a service that tells which events it had.
func inbox(name string) string {
	return fmt.Sprintf(`apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: %s}
spec:
  template:
    metadata: {annotations: {autoscaling.knative.dev/min-scale: "1"}}
    spec: {containers: [{image: "local.dev/receiver:v1"}]}
---
`, name)
}

// A SinkBinding reaches plain Deployments, Jobs and CronJobs of the repository;
// another sink is another K_SINK, and without the binding there is none.
func TestSinkBinding_PlainPods(t *testing.T) {
	needPatience(t) // a CronJob runs once a minute
	if under.dir == "" {
		t.Skip("it changes the installation: KUBECONFIG needs SLUICE_DIR, the folder of sluice-local")
	}
	check(t, under.makeImage("testdata/emitter", "emitter:v1"))
	check(t, under.makeImage("../examples/fan-out/app", "receiver:v1"))
	t.Cleanup(func() { removeTalkers(t) }) // last, when nothing describes them any more
	c := newClone(t)
	s := withSettings(t, func(s *install.Settings) { s.Allow = []string{"Deployment.apps", "Job.batch", "CronJob.batch"} })
	allow(t, s)
	deployed := binding("deployed", "apiVersion: apps/v1, kind: Deployment, name: e2e-talker", "e2e-inbox")
	others := binding("jobbed", "apiVersion: batch/v1, kind: Job, name: e2e-once", "e2e-inbox") +
		binding("timed", "apiVersion: batch/v1, kind: Job, selector: {matchLabels: {app: e2e-beat}}", "e2e-inbox")
	c.write("talkers.yaml", talkers+inbox("e2e-inbox")+inbox("e2e-other"))
	c.write("bindings.yaml", deployed+others)
	c.push("Talkers, bound")
	for _, kind := range []string{"deployed", "jobbed", "timed"} {
		awaitFor(t, 2*patience, kind, had("e2e-inbox", kind))
	}
	if sink, overrides := talkerEnv(t); sink != "http://e2e-inbox.default.svc.cluster.local/" || overrides != `{"extensions":{"team":"deployed"}}` {
		t.Errorf("K_SINK %q, K_CE_OVERRIDES %q", sink, overrides)
	}

	c.write("bindings.yaml", strings.ReplaceAll(deployed, "name: e2e-inbox", "name: e2e-other")+others)
	c.push("Another sink")
	await(t, "deployed", had("e2e-other", "deployed"))

	c.write("bindings.yaml", others)
	c.push("Unbound")
	await(t, "no sink", func() string {
		if sink, overrides := talkerEnv(t); sink+overrides != "" {
			return sink
		}
		return "no sink"
	})

	// The pods of a Job are as they were made: it says so, and what to do.
	c.write("bindings.yaml", deployed+strings.ReplaceAll(others, "name: e2e-inbox", "name: e2e-other"))
	c.push("A Job that is there already")
	awaitState(t, "e2e-once", "Failed", "immutable")
}

// had tells the kind of event once a service had one.
func had(service, kind string) func() string {
	return func() string {
		if _, body := get(host(service)); strings.Contains(body, kind+` "beat"`) {
			return kind
		}
		return "not yet"
	}
}

// talkerEnv is what the Deployment's pods are told.
func talkerEnv(t *testing.T) (sink, overrides string) {
	t.Helper()
	d, err := kubeClient(t).AppsV1().Deployments("default").Get(t.Context(), "e2e-talker", metav1.GetOptions{})
	check(t, err)
	for _, env := range d.Spec.Template.Spec.Containers[0].Env {
		switch env.Name {
		case "K_SINK":
			sink = env.Value
		case "K_CE_OVERRIDES":
			overrides = env.Value
		}
	}
	return sink, overrides
}

// allow gives the engine the rights that an installation's settings come with.
func allow(t *testing.T, s install.Settings) {
	t.Helper()
	roles := kubeClient(t).RbacV1().ClusterRoles()
	for _, object := range install.Manifests(s) {
		if role, ok := object.(*rbacv1.ClusterRole); ok {
			now, err := roles.Get(t.Context(), role.Name, metav1.GetOptions{})
			check(t, err)
			now.Rules = role.Rules
			_, err = roles.Update(t.Context(), now, metav1.UpdateOptions{})
			check(t, err)
		}
	}
}

// removeTalkers removes what an engine with narrower settings would leave.
func removeTalkers(t *testing.T) {
	ctx, client, background := context.Background(), kubeClient(t), metav1.DeletePropagationBackground
	options := metav1.DeleteOptions{PropagationPolicy: &background}
	for _, err := range []error{
		client.AppsV1().Deployments("default").Delete(ctx, "e2e-talker", options),
		client.BatchV1().Jobs("default").Delete(ctx, "e2e-once", options),
		client.BatchV1().CronJobs("default").Delete(ctx, "e2e-beat", options),
		client.CoreV1().Pods("default").DeleteCollection(ctx, options, metav1.ListOptions{LabelSelector: "app in (e2e-talker, e2e-beat)"}),
	} {
		if err != nil && !apierrors.IsNotFound(err) {
			t.Error(err)
		}
	}
}
