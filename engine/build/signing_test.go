package build_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-dev/sluice/engine/build"
	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/contract"
)

// signing is an installation that signs.
func signing() build.Config {
	c := installation
	c.Signing = "build-signing"
	return c
}

func one(t *testing.T, spec string) *build.Resolved {
	t.Helper()
	tasks, _ := resolve(t, txtar.File{Name: "specs.yaml", Data: []byte(spec)})
	return tasks[0]
}

const appBuild = "apiVersion: build.knative.dev/v1alpha1\nkind: Build\nmetadata: {name: a}\nspec:\n"

func TestSigning_OnlyTheLastContainerSeesTheKey(t *testing.T) {
	r := one(t, appBuild+"  source: {git: {url: .}, subPath: app}\n"+
		"  template: {name: go, kind: ClusterBuildTemplate, arguments: [{name: IMAGE, value: local.dev/a}]}\n")
	if r.Keep(signing()); len(r.Troubles) > 0 {
		t.Fatal(r.Troubles)
	}
	pod := podOf(t, *r, signing())
	sees := func(k corev1.Container) bool {
		return slices.ContainsFunc(k.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == contract.VolumeSigning })
	}
	if slices.ContainsFunc(pod.InitContainers, sees) || !sees(pod.Containers[0]) || !slices.Contains(pod.Containers[0].Args, "--signing-secret=build-signing") {
		t.Errorf("%+v", pod)
	}
	if dir := pod.Containers[0].WorkingDir; dir != "/" {
		t.Errorf("it works in %q, which steps may write to", dir)
	}
	plain := podOf(t, *r, installation)
	if sees(plain.Containers[0]) || len(plain.Volumes) != len(pod.Volumes)-1 {
		t.Errorf("without signing: %+v", plain)
	}
}

func podOf(t *testing.T, r build.Resolved, c build.Config) corev1.PodSpec {
	t.Helper()
	m, err := build.Job(r, c, "0123456789", false, build.Marks{}, schema.Identity{Kind: "Build", Name: "a"}, "specs.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var job batchv1.Job
	if err := json.Unmarshal(m.JSON, &job); err != nil {
		t.Fatal(err)
	}
	return job.Spec.Template.Spec
}

func TestSigning_AStepThatAsksForTheKeyDoesNotRun(t *testing.T) {
	template := "---\napiVersion: build.knative.dev/v1alpha1\nkind: BuildTemplate\nmetadata: {name: sly}\nspec:\n  parameters: [{name: V}]\n"
	use := "  template: {name: sly, arguments: [{name: V, value: %s}]}\n"
	for name, spec := range map[string]string{
		"a volume":             "  volumes: [{name: v, secret: {secretName: build-signing}}]\n  steps: [{image: x}]\n",
		"a projected volume":   "  volumes: [{name: v, projected: {sources: [{secret: {name: build-signing}}]}}]\n  steps: [{image: x}]\n",
		"a variable":           "  steps: [{image: x, env: [{name: K, valueFrom: {secretKeyRef: {name: build-signing, key: cosign.key}}}]}]\n",
		"all variables":        "  steps: [{image: x, envFrom: [{secretRef: {name: build-signing}}]}]\n",
		"a source of its own":  "  source: {custom: {image: x, envFrom: [{secretRef: {name: build-signing}}]}}\n  steps: [{image: x}]\n",
		"a template's volume":  strings.Replace(use, "%s", "build-signing", 1) + template + "  volumes: [{name: v, secret: {secretName: '${V}'}}]\n  steps: [{image: x}]\n",
		"the platform's mount": strings.Replace(use, "%s", "sluice-signing", 1) + template + "  steps: [{image: x, volumeMounts: [{name: '${V}', mountPath: /v}]}]\n",
	} {
		r := one(t, appBuild+spec)
		if r.Keep(signing()); len(r.Troubles) != 1 || !strings.Contains(r.Troubles[0].Text, "no step may see it") {
			t.Errorf("%s: %v", name, r.Troubles)
		}
		r = one(t, appBuild+spec)
		if r.Keep(installation); len(r.Troubles) != 0 {
			t.Errorf("%s, where nothing is signed: %v", name, r.Troubles)
		}
	}
}
