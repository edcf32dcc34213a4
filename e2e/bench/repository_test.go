package bench

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// repository is a bare Git repository of services on disk. The commits that
// are to be pushed are made beforehand: a push is the branch's reference moving,
// as at the end of every `git push`.
type repository struct {
	dir, namespace string
	services       int
	// commits that were prepared, in order.
	commits []string
}

// edit is one commit: path to content.
type edit map[string]string

// newRepository has one commit with a file for each service.
func newRepository(t *testing.T, services int, namespace string) *repository {
	t.Helper()
	r := &repository{dir: filepath.Join(t.TempDir(), "specs.git"), services: services, namespace: namespace}
	runGit(t, nil, "init", "--quiet", "--bare", "--initial-branch=main", r.dir)
	first := edit{}
	for i := range services {
		first[r.path(i)] = r.spec(i, "world")
	}
	r.push(t, r.prepare(t, first)[0])
	return r
}

// prepare makes commits, each on the one before, and moves no branch.
func (r *repository) prepare(t *testing.T, edits ...edit) []string {
	t.Helper()
	var in bytes.Buffer
	for i, e := range edits {
		fmt.Fprintf(&in, "commit refs/prepared/head\nmark :%d\ncommitter Ada <ada@example.com> %d +0000\ndata 7\nbench %d\n", i+1, 1767225600+len(r.commits)+i, i%10)
		if n := len(r.commits); i == 0 && n > 0 {
			fmt.Fprintf(&in, "from %s\n", r.commits[n-1])
		}
		for path, content := range e {
			fmt.Fprintf(&in, "M 100644 inline %s\ndata %d\n%s\n", path, len(content), content)
		}
	}
	marks := filepath.Join(t.TempDir(), "marks")
	runGit(t, &in, "-C", r.dir, "fast-import", "--quiet", "--export-marks="+marks)
	text, err := os.ReadFile(marks)
	if err != nil {
		t.Fatal(err)
	}
	made := make([]string, len(edits))
	for line := range strings.Lines(string(text)) {
		var i int
		var hash string
		if _, err := fmt.Sscanf(line, ":%d %s", &i, &hash); err != nil {
			t.Fatal(err)
		}
		made[i-1] = hash
	}
	r.commits = append(r.commits, made...)
	return made
}

// push moves the branch, as Git does it: a lock file that is renamed.
func (r *repository) push(t *testing.T, commit string) {
	t.Helper()
	ref := filepath.Join(r.dir, "refs", "heads", "main")
	if err := os.WriteFile(ref+".lock", []byte(commit+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(ref+".lock", ref); err != nil {
		t.Fatal(err)
	}
}

// path of a service's file: twenty teams.
func (r *repository) path(i int) string {
	return fmt.Sprintf("teams/t%02d/%s.yaml", i%20, service(i))
}

func service(i int) string { return fmt.Sprintf("svc-%04d", i) }

// spec is a service as people write them. It begins with no pod, so that a
// revision is ready as soon as it is there and no node is measured.
func (r *repository) spec(i int, target string) string {
	return strings.NewReplacer("NAMESPACE", r.namespace, "NAME", service(i), "VALUE", target).Replace(`apiVersion: serving.knative.dev/v1
kind: Service
metadata:
  name: NAME
  namespace: NAMESPACE
  labels:
    team: blue
spec:
  template:
    metadata:
      annotations:
        autoscaling.knative.dev/initial-scale: "0"
        autoscaling.knative.dev/max-scale: "10"
    spec:
      containerConcurrency: 50
      timeoutSeconds: 60
      containers:
      - image: local.dev/NAME:v1
        env:
        - name: TARGET
          value: VALUE
        - name: LOG_LEVEL
          value: info
        resources:
          requests:
            cpu: 100m
            memory: 64Mi
          limits:
            memory: 256Mi
        readinessProbe:
          httpGet:
            path: /healthz
`)
}

func runGit(t *testing.T, in *bytes.Buffer, args ...string) {
	t.Helper()
	c := exec.Command("git", args...)
	c.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null")
	if in != nil {
		c.Stdin = in
	}
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}
