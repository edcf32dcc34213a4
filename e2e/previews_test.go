package e2e

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/engine/status"
)

// previewOf is what the engine says of a ref.
func previewOf(ref string) status.Preview {
	r, err := currentReport()
	if err != nil {
		return status.Preview{Reason: err.Error()}
	}
	for _, p := range r.Previews {
		if p.Ref == ref {
			return p
		}
	}
	return status.Preview{}
}

func TestPreviews_FromOpenToMergedNoRequestIsLost(t *testing.T) {
	c := newClone(t)
	c.write("shop.yaml", helloService("shop", "one"))
	c.write("bystander.yaml", helloService("bystander", "x"))
	c.push("One")
	awaitAnswer(t, host("shop"), hello("one"))
	awaitAnswer(t, host("bystander"), hello("x"))
	stop := crowd(t, host("shop"), hello("one"), hello("two"))

	const ref = "refs/heads/preview/cart"
	c.ref(ref, "Two", map[string]string{"shop.yaml": helloService("shop", "two")})
	awaitAnswer(t, host("cart-shop"), hello("two"))
	if got := tagged(t, host("shop"), "cart"); got != hello("two") {
		t.Errorf("by header: %s", got)
	}
	if _, body := get(host("shop")); body != hello("one") {
		t.Errorf("the service itself: %s", body)
	}
	if n := len(of(t, deployments, "bystander")); n != 1 {
		t.Errorf("a service that the preview leaves alone has %d revisions", n)
	}
	var p status.Preview
	await(t, "true http://"+host("cart-shop"), func() string {
		if p = previewOf(ref); len(p.Services) != 1 {
			return fmt.Sprintf("%+v", p)
		}
		return fmt.Sprint(p.Open, " ", p.Services[0].URL)
	})
	revision := "serving.knative.dev/revision=" + p.Services[0].Revision
	before := podNames(t, revision)

	c.git("fetch", "-q")
	c.git("merge", "-q", "--no-ff", "--no-edit", "origin/preview/cart")
	c.git("push", "-q")
	awaitTraffic(t, "shop", "100% "+p.Services[0].Revision)
	awaitAnswer(t, host("shop"), hello("two"))
	await(t, "HTTP 404", func() string { code, _ := get(host("cart-shop")); return fmt.Sprint("HTTP ", code) })
	if after := podNames(t, revision); strings.Join(before, " ") != strings.Join(after, " ") || len(before) == 0 {
		t.Errorf("pods before the merge %v, after it %v", before, after)
	}
	stop()
}

func TestPreviews_ThatMayNotRunAreRefusedEachByItself(t *testing.T) {
	c := newClone(t)
	c.write("safe.yaml", helloService("safe", "one"))
	c.push("One")
	awaitAnswer(t, host("safe"), hello("one"))
	base := helloService("safe", "one")
	for name, test := range map[string]struct{ manifest, want string }{
		"account":   {strings.Replace(base, "      containers:", "      serviceAccountName: admin\n      containers:", 1), "it changes serviceAccountName"},
		"namespace": {strings.Replace(base, "  name: safe", "  name: safe\n  namespace: elsewhere", 1), "moves nothing to another namespace"},
		"volume":    {strings.Replace(base, "      containers:", "      volumes: [{name: v, emptyDir: {}}]\n      containers:", 1) + "        volumeMounts: [{name: v, mountPath: /v}]\n", "volumeMounts"},
		"secret":    {base + "        - name: KEY\n          valueFrom: {secretKeyRef: {name: s, key: k}}\n", "where the environment variable KEY comes from"},
	} {
		ref := "refs/heads/preview/" + name
		c.ref(ref, name, map[string]string{"safe.yaml": test.manifest})
		await(t, test.want, func() string {
			p := previewOf(ref)
			if len(p.Problems) == 1 && strings.Contains(p.Problems[0], test.want) {
				return test.want
			}
			return fmt.Sprintf("%+v", p)
		})
	}
	c.ref("refs/heads/preview/good", "good", map[string]string{"safe.yaml": helloService("safe", "two")})
	awaitAnswer(t, host("good-safe"), hello("two"))
	if n := len(of(t, deployments, "safe")); n != 2 {
		t.Errorf("%d revisions, want the service's and the good preview's", n)
	}
	awaitState(t, "safe", "Ready", "")
}

func TestPreviews_ALoopAndAFloodAreBounded(t *testing.T) {
	c := newClone(t)
	c.write("calm.yaml", helloService("calm", "one"))
	c.push("One")
	awaitAnswer(t, host("calm"), hello("one"))
	stop := crowd(t, host("calm"), hello("one"), hello("two"))
	tree := func(target string) string {
		c.write("calm.yaml", helloService("calm", target))
		c.git("add", "-A")
		tree := c.git("write-tree")
		c.git("checkout", "-q", "HEAD", "--", "calm.yaml")
		return c.git("commit-tree", tree, "-p", "HEAD", "-m", target)
	}
	const refs = 10_000
	flood := make([]string, 0, refs)
	commit := tree("flood")
	c.git("push", "-q", "origin", commit+":refs/heads/preview/flood-0")
	for i := range refs {
		flood = append(flood, fmt.Sprintf("create refs/heads/preview/flood-%d %s", i+1, commit))
	}
	updateRefs(t, flood)
	t.Cleanup(func() {
		out, _ := exec.Command("git", "-C", under.repo, "for-each-ref", "--format=delete %(refname)", "refs/heads/preview/").Output()
		updateRefs(t, strings.Split(strings.TrimSpace(string(out)), "\n"))
		_ = exec.Command("git", "-C", under.repo, "pack-refs", "--all").Run()
	})
	await(t, "10 open", func() string {
		r, err := currentReport()
		open := 0
		for _, p := range r.Previews {
			if p.Open {
				open++
			}
		}
		return fmt.Sprintf("%d open%s", open, map[bool]string{true: "", false: fmt.Sprint(" ", err)}[err == nil])
	})
	began := time.Now()
	c.write("calm.yaml", helloService("calm", "two"))
	c.push("Two, in the middle of it")
	awaitAnswer(t, host("calm"), hello("two"))
	t.Logf("a push beside %d refs took %s", refs, time.Since(began).Round(time.Millisecond))
	stop()
}

func updateRefs(t *testing.T, lines []string) {
	t.Helper()
	cmd := exec.Command("git", "-c", "core.fsync=none", "-C", under.repo, "update-ref", "--stdin")
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("git update-ref: %v: %s", err, out)
	}
}
