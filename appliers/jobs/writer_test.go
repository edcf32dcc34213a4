package jobs_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	kubetesting "k8s.io/client-go/testing"

	"github.com/sluice-dev/sluice/appliers/jobs"
	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/schema/contract"
)

var id = manifest.ID{APIVersion: "batch/v1", Kind: "Job", Namespace: "shop", Name: "app-build-1"}

// next keeps what it is told to apply.
type next struct{ applied []byte }

func (n *next) Patch(_ context.Context, _ manifest.ID, body []byte, _ string, _ bool) ([]byte, error) {
	n.applied = body
	return body, nil
}
func (n *next) Get(context.Context, manifest.ID) ([]byte, error) { return nil, errors.New("not asked") }
func (n *next) Delete(context.Context, manifest.ID, string) ([]byte, error) {
	return nil, errors.New("not asked")
}

// job is a build's Job as the engine renders it, with or without its spec.
func job(t *testing.T, account string, annotations map[string]string, spec bool) []byte {
	t.Helper()
	j := map[string]any{
		"apiVersion": "batch/v1", "kind": "Job",
		"metadata": map[string]any{"name": id.Name, "namespace": id.Namespace, "labels": map[string]string{contract.LabelBuild: "app"}, "annotations": annotations},
	}
	if spec {
		j["spec"] = batchv1.JobSpec{Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
			ServiceAccountName: account,
			InitContainers:     []corev1.Container{{Name: contract.StepCredentials, Args: []string{"build", "creds"}}, {Name: "build-step-work"}},
		}}}
	}
	b, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func secret(name string, kind corev1.SecretType, annotations map[string]string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, Annotations: annotations}, Type: kind, Data: map[string][]byte{"password": []byte("hidden-value")}}
}

func account(name string, secrets ...string) *corev1.ServiceAccount {
	sa := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}}
	for _, s := range secrets {
		sa.Secrets = append(sa.Secrets, corev1.ObjectReference{Name: s})
	}
	return sa
}

func writer(t *testing.T, objects ...apiruntime.Object) (*jobs.Writer, *next, *fake.Clientset) {
	t.Helper()
	n, client := &next{}, fake.NewClientset(objects...)
	w, err := jobs.New(jobs.Config{Next: n, Client: client})
	if err != nil {
		t.Fatal(err)
	}
	return w, n, client
}

func TestWriter_GivesTheFirstStepTheSecretsOfTheAccountAndNoOtherStepAny(t *testing.T) {
	w, n, _ := writer(t,
		account("bot", "basic", "key", "config", "unrelated"),
		secret("basic", corev1.SecretTypeBasicAuth, map[string]string{"build.knative.dev/git-0": "https://github.com", "build.knative.dev/docker-0": "https://gcr.io"}),
		secret("key", corev1.SecretTypeSSHAuth, map[string]string{"build.knative.dev/git-0": "github.com"}),
		secret("config", corev1.SecretTypeDockerConfigJson, nil),
		secret("unrelated", corev1.SecretTypeOpaque, map[string]string{"build.knative.dev/git-0": "https://x"}),
	)
	if _, err := w.Patch(t.Context(), id, job(t, "bot", nil, true), "sluice", true); err != nil {
		t.Fatal(err)
	}
	var got batchv1.Job
	if err := json.Unmarshal(n.applied, &got); err != nil {
		t.Fatal(err)
	}
	pod := got.Spec.Template.Spec
	want := "build creds --docker-basic=basic=https://gcr.io --git-basic=basic=https://github.com --git-ssh=key=github.com --docker-config=config"
	if args := strings.Join(pod.InitContainers[0].Args, " "); args != want {
		t.Errorf("told %s\nwant %s", args, want)
	}
	if len(pod.InitContainers[0].VolumeMounts) != 3 || len(pod.InitContainers[1].VolumeMounts) != 0 || len(pod.Volumes) != 3 {
		t.Errorf("mounts %v and %v of %v", pod.InitContainers[0].VolumeMounts, pod.InitContainers[1].VolumeMounts, pod.Volumes)
	}
	if strings.Contains(string(n.applied), "hidden-value") {
		t.Error("the Job holds a Secret's value")
	}
}

func TestWriter_SaysWhatIsMissingAndAsksAgain(t *testing.T) {
	nothing := func(*fake.Clientset) {}
	for want, c := range map[string]struct {
		objects []apiruntime.Object
		hinder  func(*fake.Clientset)
	}{
		"the build's ServiceAccount bot is not in namespace shop": {nil, nothing},
		"names the Secret gone, which is not in namespace shop":   {[]apiruntime.Object{account("bot", "gone")}, nothing},
		"create rolebinding sluice-build-secrets": {[]apiruntime.Object{account("bot", "basic"), secret("basic", corev1.SecretTypeBasicAuth, nil)}, func(client *fake.Clientset) {
			client.PrependReactor("get", "secrets", func(kubetesting.Action) (bool, apiruntime.Object, error) {
				return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "basic", nil)
			})
		}},
	} {
		w, _, client := writer(t, c.objects...)
		c.hinder(client)
		_, err := w.Patch(t.Context(), id, job(t, "bot", nil, true), "sluice", true)
		var wait interface{ RetryAfter() time.Duration }
		if err == nil || !strings.Contains(err.Error(), want) || !errors.As(err, &wait) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	w, n, _ := writer(t)
	if _, err := w.Patch(t.Context(), id, job(t, "", nil, true), "sluice", true); err != nil || n.applied == nil {
		t.Errorf("without an account: %v", err)
	}
}

func TestWriter_StopsPodsAndKeepsThem(t *testing.T) {
	running := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "p", Labels: map[string]string{jobs.LabelJob: id.Name}}}
	other := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "q", Labels: map[string]string{jobs.LabelJob: "another"}}}
	live := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: id.Name}}
	stop := map[string]string{contract.AnnotationStop: "superseded"}
	w, n, client := writer(t, live, running, other)
	if _, err := w.Patch(t.Context(), id, job(t, "", stop, false), "sluice", true); err != nil || n.applied != nil {
		t.Fatalf("%v; applied %s", err, n.applied)
	}
	p, err := client.CoreV1().Pods("shop").Get(t.Context(), "p", metav1.GetOptions{})
	if err != nil || p.Spec.ActiveDeadlineSeconds == nil || *p.Spec.ActiveDeadlineSeconds != 1 {
		t.Errorf("%+v, %v", p.Spec, err)
	}
	if q, _ := client.CoreV1().Pods("shop").Get(t.Context(), "q", metav1.GetOptions{}); q.Spec.ActiveDeadlineSeconds != nil {
		t.Error("another Job's pod was ended")
	}
	j, err := client.BatchV1().Jobs("shop").Get(t.Context(), id.Name, metav1.GetOptions{})
	if err != nil || j.Annotations[contract.AnnotationStop] != "superseded" || j.Spec.Suspend != nil || j.Spec.BackoffLimit == nil || *j.Spec.BackoffLimit != 0 {
		t.Errorf("%+v, %v", j, err)
	}
	w, _, client = writer(t, live.DeepCopy()) // no pod yet
	if _, err := w.Patch(t.Context(), id, job(t, "", stop, false), "sluice", true); err != nil {
		t.Fatal(err)
	}
	if j, _ := client.BatchV1().Jobs("shop").Get(t.Context(), id.Name, metav1.GetOptions{}); j.Spec.Suspend == nil || !*j.Spec.Suspend {
		t.Error("a Job without a pod may still begin")
	}
}
