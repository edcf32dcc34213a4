package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"sigs.k8s.io/yaml"
)

// app is a Service that runs the program in testdata/app.
type app struct {
	name, target string
	// labels are the Service's.
	labels map[string]any
	// annotations are the template's.
	annotations map[string]any
	// spec are more fields of the template's spec.
	spec map[string]any
	// port is the name of the container's port: http1, h2c.
	port string
	// env are more variables of the container, as the spec has them.
	env []any
	// requests are the resources that the container asks for.
	requests map[string]any
	// traffic is the Service's, nil for its default.
	traffic []any
}

// manifest is the app's file.
func (a app) manifest(t *testing.T) string {
	t.Helper()
	env := append([]any{map[string]any{"name": "TARGET", "value": a.target}}, a.env...)
	container := map[string]any{"image": "local.dev/e2e-app:v1", "env": env}
	if a.requests != nil {
		container["resources"] = map[string]any{"requests": a.requests}
	}
	if a.port != "" {
		container["ports"] = []any{map[string]any{"name": a.port, "containerPort": 8080}}
	}
	pod := map[string]any{"containers": []any{container}}
	for key, value := range a.spec {
		pod[key] = value
	}
	spec := map[string]any{"template": map[string]any{"metadata": map[string]any{"annotations": a.annotations}, "spec": pod}}
	if a.traffic != nil {
		spec["traffic"] = a.traffic
	}
	b, err := yaml.Marshal(map[string]any{
		"apiVersion": "serving.knative.dev/v1", "kind": "Service", "metadata": map[string]any{"name": a.name, "labels": a.labels}, "spec": spec,
	})
	check(t, err)
	return string(b)
}

// serve pushes apps in one commit and waits until they are ready.
func (c clone) serve(apps ...app) {
	c.t.Helper()
	under.haveApp(c.t)
	for _, a := range apps {
		c.write(a.name+".yaml", a.manifest(c.t))
	}
	c.push("Serve")
	for _, a := range apps {
		awaitState(c.t, a.name, "Ready", "")
	}
}

// haveApp makes the image of testdata/app, once.
func (c *cluster) haveApp(t *testing.T) {
	t.Helper()
	if c.app {
		return
	}
	check(t, c.makeImage("testdata/app", "e2e-app:v1"))
	c.app = true
}

// answer is how a request ended.
type answer struct {
	code int
	body string
	err  error // the answer was cut off, or there was none
	took time.Duration
}

func (a answer) String() string {
	if a.err != nil {
		return fmt.Sprintf("HTTP %d %q %v after %s", a.code, a.body, a.err, a.took.Round(time.Millisecond))
	}
	return fmt.Sprintf("HTTP %d %q after %s", a.code, a.body, a.took.Round(time.Millisecond))
}

// kind is what answers that ended alike have in common.
func (a answer) kind() string {
	if a.err == nil {
		return fmt.Sprintf("HTTP %d %q", a.code, a.body)
	}
	root := a.err
	for next := root; next != nil; next = errors.Unwrap(next) {
		root = next
	}
	return root.Error()
}

// patient is client for answers that take long.
var patient = &http.Client{Timeout: patience, Transport: client.Transport}

// fetch makes one request; url is host/path.
func fetch(url string) answer { return fetchWith(patient, url) }

// fetchAll makes n requests at once.
func fetchAll(n int, url string) []answer {
	answers := make([]answer, n)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i] = fetch(url) })
	}
	all.Wait()
	return answers
}

// allAre fails the test unless every answer is whole, 200 and text.
func allAre(t *testing.T, answers []answer, text string) {
	t.Helper()
	bad, slowest := 0, time.Duration(0)
	kinds := map[string]int{}
	for _, a := range answers {
		slowest = max(slowest, a.took)
		if a.code == http.StatusOK && a.err == nil && a.body == text {
			continue
		}
		bad++
		if kinds[a.kind()]++; kinds[a.kind()] == 1 && len(kinds) <= 5 {
			t.Errorf("first of its kind that failed: %s", a)
		}
	}
	t.Logf("%d requests, %d failed, slowest %s", len(answers), bad, slowest.Round(time.Millisecond))
	if len(answers) == 0 || bad > 0 {
		t.Errorf("%d of %d requests failed: %v", bad, len(answers), kinds)
	}
}

// awaitAsleep waits until a service has no pod.
func awaitAsleep(t *testing.T, name string) {
	t.Helper()
	await(t, "no pod", func() string {
		if names := podNames(t, "serving.knative.dev/service="+name); len(names) > 0 {
			return strings.Join(names, " ")
		}
		return "no pod"
	})
}
