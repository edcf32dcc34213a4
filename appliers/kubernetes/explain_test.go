package kubernetes_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/sluice-dev/sluice/appliers/kubernetes"
	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/engine/plan"
)

func failure(code int32, message string, details *metav1.StatusDetails) *metav1.Status {
	return &metav1.Status{Status: metav1.StatusFailure, Code: code, Message: message, Details: details}
}

func causes(field, message string) *metav1.StatusDetails {
	return &metav1.StatusDetails{Causes: []metav1.StatusCause{{Type: metav1.CauseTypeFieldValueInvalid, Field: field, Message: message}}}
}

func TestApplier_ErrorsSayWhatToDo(t *testing.T) {
	for _, c := range []struct {
		name     string
		kind     string
		status   *metav1.Status
		want     string
		terminal bool
		after    time.Duration
	}{
		{"no permission", "", failure(403, `deployments.apps is forbidden: User "system:serviceaccount:sluice-system:engine" cannot patch resource "deployments" in API group "apps" in the namespace "default"`, nil),
			"the engine may not patch deployments.apps: the installation's RBAC decides this; allow it with `sluice install --allow deployments.apps`", false, 30 * time.Second},
		{"a quota", "", failure(403, `exceeded quota: small`, nil), "the API server forbids it: exceeded quota: small", false, 30 * time.Second},
		{"a namespace on its way out", "", failure(403, "unable to create new content", &metav1.StatusDetails{Causes: []metav1.StatusCause{{Type: "NamespaceTerminating", Message: "namespace default is being terminated"}}}),
			"namespace default is being deleted", false, time.Second},
		{"bad credentials", "", failure(401, "Unauthorized", nil), "does not accept the credentials", false, 10 * time.Second},
		{"throttled", "", failure(429, "too many requests", &metav1.StatusDetails{RetryAfterSeconds: 7}), "cannot do it now; it is tried again", false, 7 * time.Second},
		{"etcd is away", "", failure(500, "etcdserver: leader changed", nil), "cannot do it now; it is tried again: etcdserver: leader changed", false, 0},
		{"a store that is too small", "", failure(500, "etcdserver: request is too large", nil), "too large", true, 0},
		{"a cause", "", failure(422, "whole", causes("spec.replicas", "Invalid value: -1: must be greater than or equal to 0")), "spec.replicas: Invalid value: -1: must be greater", true, 0},
		{"a cause in the environment", "", failure(422, "whole", causes("spec.template.spec.containers[0].env[0].name", `Invalid value: "hunter2": a valid name: must be so`)), "env[0].name: Invalid value: must be so", true, 0},
		{"a cause in a Secret", "Secret", failure(422, "hunter2", causes("data", `Invalid value: "hunter2": is wrong`)), "data: FieldValueInvalid", true, 0},
		{"a Secret in a message", "Secret", failure(500, "hunter2 broke it", nil), "left out because it may quote", false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPair(t)
			p.server.Fault(func(*http.Request) *metav1.Status { return c.status.DeepCopy() })
			id := manifest.ID{APIVersion: "v1", Kind: "ConfigMap", Namespace: "default", Name: "a"}
			if c.kind != "" {
				id.Kind = c.kind
			}
			m, err := manifest.New(id, map[string]any{"metadata": map[string]any{"name": "a", "namespace": "default"}})
			if err != nil {
				t.Fatal(err)
			}
			outcome := p.applier.Apply(t.Context(), plan.Step{Action: plan.Create, ID: id, Manifest: m})
			if outcome.Err == nil {
				t.Fatal("no error")
			}
			text := outcome.Err.Error()
			if !strings.HasPrefix(text, id.String()+": ") || !strings.Contains(text, c.want) || strings.Contains(text, "hunter2") {
				t.Errorf("got  %s\nwant %s", text, c.want)
			}
			if outcome.Terminal != c.terminal || outcome.RetryAfter != c.after {
				t.Errorf("terminal %v, retry after %s", outcome.Terminal, outcome.RetryAfter)
			}
		})
	}
}

func TestApplier_AServerThatIsAwayIsTriedAgain(t *testing.T) {
	api, err := kubernetes.NewAPI(kubernetes.APIConfig{REST: &rest.Config{Host: "http://127.0.0.1:1"}})
	if err != nil {
		t.Fatal(err)
	}
	applier, err := kubernetes.NewApplier(kubernetes.ApplierConfig{Writer: api, ApplySet: set})
	if err != nil {
		t.Fatal(err)
	}
	m := small(t, 0)
	outcome := applier.Apply(t.Context(), plan.Step{Action: plan.Create, ID: m.ID, Manifest: m})
	if outcome.Err == nil || outcome.Terminal || !strings.Contains(outcome.Err.Error(), "cannot be reached") || strings.Contains(outcome.Err.Error(), "fieldManager") {
		t.Errorf("terminal %v, %v", outcome.Terminal, outcome.Err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	outcome = applier.Apply(ctx, plan.Step{Action: plan.Create, ID: m.ID, Manifest: m})
	if outcome.Err == nil || outcome.Terminal || !strings.Contains(outcome.Err.Error(), "newer commit") {
		t.Errorf("terminal %v, %v", outcome.Terminal, outcome.Err)
	}
}

func TestApplier_OneRequestAStep(t *testing.T) {
	p := newPair(t)
	var sent []string
	p.server.Fault(func(r *http.Request) *metav1.Status {
		sent = append(sent, r.Method)
		return nil
	})
	m := small(t, 0)
	one := int32(1)
	m.Replicas = &one
	created := p.applier.Apply(t.Context(), plan.Step{Action: plan.Create, ID: m.ID, Manifest: m})
	updated := p.applier.Apply(t.Context(), plan.Step{Action: plan.Update, ID: m.ID, Manifest: m, Live: created.Object})
	deleted := p.applier.Apply(t.Context(), plan.Step{Action: plan.Delete, ID: m.ID, Live: updated.Object})
	for _, o := range []plan.Outcome{created, updated, deleted} {
		if o.Err != nil {
			t.Fatal(o.Err)
		}
	}
	if got := strings.Join(sent, " "); got != "PATCH PATCH DELETE" {
		t.Errorf("sent %s", got)
	}
}

func TestApplier_NoReplicasLeaveWithAnUpdate(t *testing.T) {
	p := newPair(t)
	four := int32(4)
	m := small(t, 0)
	m.Replicas = &four
	created := p.applier.Apply(t.Context(), plan.Step{Action: plan.Create, ID: m.ID, Manifest: m})
	if created.Err != nil || !created.Object.OwnsReplicas {
		t.Fatalf("%v, owns replicas: %v", created.Err, created.Object.OwnsReplicas)
	}
	updated := p.applier.Apply(t.Context(), plan.Step{Action: plan.Update, ID: m.ID, Manifest: m, Live: created.Object})
	if updated.Err != nil || updated.Object.OwnsReplicas || !strings.Contains(string(updated.Object.JSON), `"replicas":4`) {
		t.Errorf("%v, owns replicas: %v, %s", updated.Err, updated.Object.OwnsReplicas, updated.Object.JSON)
	}
}
