package bench

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// koVersion is the peer: a Go module that only this measurement builds.
const koVersion = "github.com/google/ko@v0.18.0"

// buildRounds is how often a line is changed.
const buildRounds = 5

// TestBuilds measures a line of code from the push to the answer, with what
// the compiler takes of it, beside ko on the same source and registry.
func TestBuilds(t *testing.T) {
	if !whole() {
		t.Skip("`make bench` measures builds")
	}
	p := newPlatform(t)
	b := &builder{platform: p, source: filepath.Join(p.clone, "app")}
	b.begin()
	var table table
	table.head("a line of code, pushed: warm caches")
	var total, fetched, compiled, published, beyond sample
	for i := range buildRounds {
		took := b.change(fmt.Sprint("version ", i))
		total, fetched, compiled, published = append(total, took.answered), append(fetched, took.fetched), append(compiled, took.compiled), append(published, took.published)
		beyond = append(beyond, took.answered-took.compiled)
	}
	table.add("push to answer", total.String(), "", "")
	table.add("  push to source fetched", fetched.String(), "", "")
	table.add("  the compiler itself", compiled.String(), "", "")
	table.add("  push to image published", published.String(), "", "")
	table.add("  all beyond the compiler", beyond.String(), target("1 s", beyond.quantile(.5) <= time.Second), "")
	b.beside(&table, total)
	b.nothing(&table)
	t.Log("\n" + table.String())
}

// builder is a platform with a program that is built from source.
type builder struct {
	*platform
	source string
}

const manifests = `apiVersion: build.knative.dev/v1alpha1
kind: Build
metadata: {name: bench-build}
spec:
  source: {git: {url: .}, subPath: app}
  template: {name: go, kind: ClusterBuildTemplate, arguments: [{name: IMAGE, value: local.dev/bench-build}]}
---
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: bench-build}
spec: {template: {spec: {containers: [{image: local.dev/bench-build}]}}}
`

// begin pushes the program and waits for its first answer: the caches are warm.
func (b *builder) begin() {
	b.t.Helper()
	b.write("bench-build.yaml", manifests)
	b.write("app/go.mod", "module bench\n\ngo 1.24\n")
	b.change("version cold")
}

func (b *builder) write(path, text string) {
	b.t.Helper()
	path = filepath.Join(b.clone, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

func (b *builder) program(greeting string) string {
	return "package main\n\nimport (\n\t\"fmt\"\n\t\"net/http\"\n\t\"os\"\n)\n\nfunc main() {\n\thttp.HandleFunc(\"/\", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, \"" +
		greeting + "\") })\n\t_ = http.ListenAndServe(\":\"+os.Getenv(\"PORT\"), nil)\n}\n"
}

// stages are times since the push began; compiled is the compiler's own.
type stages struct{ fetched, compiled, published, answered time.Duration }

// change pushes another greeting and waits until it is answered.
func (b *builder) change(greeting string) stages {
	b.t.Helper()
	b.write("app/main.go", b.program(greeting))
	b.run("git", "-C", b.clone, "add", "-A")
	b.run("git", "-C", b.clone, "commit", "-qm", greeting)
	began := time.Now()
	b.run("git", "-C", b.clone, "push", "-q")
	b.answers(greeting)
	out := stages{answered: time.Since(began)}
	for line := range strings.Lines(b.logs()) {
		stamp, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		at, err := time.Parse(time.RFC3339Nano, stamp)
		switch {
		case err != nil:
		case strings.HasPrefix(text, "tree "):
			out.fetched = at.Sub(began)
		case strings.HasPrefix(text, "compiled in "):
			out.compiled, _ = time.ParseDuration(strings.TrimPrefix(text, "compiled in "))
		case strings.HasPrefix(text, "published "):
			out.published = at.Sub(began)
		}
	}
	return out
}

// answers waits for a greeting.
func (b *builder) answers(want string) {
	b.t.Helper()
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, b.http)
	}}}
	for deadline := time.Now().Add(5 * time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.t.Fatalf("%q is not answered after five minutes", want)
		}
		resp, err := client.Get("http://bench-build.default.localhost/")
		if err != nil {
			continue
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if string(body) == want {
			return
		}
	}
}

// logs are those of all steps of the newest run, with times.
func (b *builder) logs() string {
	pod := b.kubectl("get", "pods", "-l", "build.knative.dev/buildName=bench-build", "--sort-by=.metadata.creationTimestamp", "-o", "name")
	lines := strings.Fields(pod)
	return b.kubectl("logs", "--all-containers", "--timestamps", lines[len(lines)-1])
}

func (b *builder) kubectl(args ...string) string {
	b.t.Helper()
	out, err := exec.Command(local(b.t), append([]string{"kubectl", "--dir", b.dir}, args...)...).Output()
	if err != nil {
		b.t.Fatalf("kubectl %v: %v", args, err)
	}
	return string(out)
}

// nothing pushes what changes no source: no run, and nothing to wait for.
func (b *builder) nothing(table *table) {
	b.t.Helper()
	before := b.newest()
	b.write("README.md", "no source\n")
	b.run("git", "-C", b.clone, "add", "-A", "README.md")
	b.run("git", "-C", b.clone, "commit", "-qm", "Nothing", "README.md")
	b.run("git", "-C", b.clone, "push", "-q")
	head, err := exec.Command("git", "-C", b.clone, "rev-parse", "HEAD").Output()
	if err != nil {
		b.t.Fatal(err)
	}
	b.await("commit read", func() bool { return b.seen(strings.TrimSpace(string(head))) })
	same := b.newest() == before
	if !same {
		b.t.Error("a push that changes no source was built")
	}
	table.add("a push that changes no source", "0 s", target("no build", same), "")
}

// newest is the run that began last.
func (b *builder) newest() string {
	lines := strings.Fields(b.kubectl("get", "jobs", "-l", "build.knative.dev/buildName=bench-build", "--sort-by=.metadata.creationTimestamp", "-o", "name"))
	return lines[len(lines)-1]
}

// seen reports whether the engine has said that it read a commit.
func (b *builder) seen(commit string) bool {
	log := b.kubectl("logs", "-n", "sluice-system", "deployment/engine", "--tail", "50")
	return strings.Contains(log, commit)
}

// beside runs ko on the same changes, against the same registry.
func (b *builder) beside(table *table, ours sample) {
	bin := b.t.TempDir()
	install := exec.Command("go", "install", koVersion)
	install.Env = append(os.Environ(), "GOBIN="+bin, "GOFLAGS=-mod=mod", "CGO_ENABLED=0")
	if out, err := install.CombinedOutput(); err != nil {
		table.add("ko build of the same source", "not had", "", lastLine(string(out)))
		return
	}
	registry := regexp.MustCompile(`127\.\d+\.0\.1:5000`).FindString(b.kubectl("get", "configmap", "-n", "sluice-system", "sluice-settings", "-o", "yaml"))
	var took sample
	for i := range buildRounds + 1 {
		b.write("app/main.go", b.program(fmt.Sprint("ko ", i)))
		ko := exec.Command(filepath.Join(bin, "ko"), "build", ".", "--bare", "--insecure-registry", "--platform=linux/amd64")
		ko.Dir = b.source
		ko.Env = append(os.Environ(), "KO_DOCKER_REPO="+registry+"/ko", "KO_DEFAULTBASEIMAGE="+registry+"/bench-app", "GOFLAGS=", "CGO_ENABLED=0")
		began := time.Now()
		if out, err := ko.CombinedOutput(); err != nil {
			table.add("ko build of the same source", "failed", "", lastLine(string(out)))
			return
		}
		if i > 0 { // the first one warms its caches
			took = append(took, time.Since(began))
		}
	}
	table.add("ko build of the same source: compiled and pushed, no more", took.String(), "", ratio(ours.quantile(.5), took.quantile(.5))+" is our push to answer")
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}
