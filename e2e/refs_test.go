package e2e

import (
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/engine/status"
)

// ref pushes a commit on top of main to another ref, and leaves the clone at
// main. The ref goes when the test ends.
func (c clone) ref(ref, message string, files map[string]string) string {
	c.t.Helper()
	c.git("checkout", "-q", "--detach")
	for path, content := range files {
		c.write(path, content)
	}
	c.git("add", "-A")
	c.git("commit", "-qm", message)
	c.git("push", "-q", "-f", "origin", "HEAD:"+ref)
	commit := c.git("rev-parse", "HEAD")
	c.git("checkout", "-q", "main")
	c.t.Cleanup(func() { _ = exec.Command("git", "-C", under.repo, "update-ref", "-d", ref).Run() })
	return commit
}

// crowd asks a host from several sides at once.
func crowd(t *testing.T, host string, texts ...string) (stop func()) {
	t.Helper()
	var stops []func()
	for range 4 {
		stops = append(stops, ask(t, host, texts...))
	}
	return func() {
		for _, stop := range stops {
			stop()
		}
	}
}

// tagged is one request to a host with Knative's tag header.
func tagged(t *testing.T, host, tag string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+host+"/", nil)
	check(t, err)
	req.Header.Set("Knative-Serving-Tag", tag)
	a := send(req)
	return strings.TrimSpace(a)
}

// send is what a request is answered.
func send(req *http.Request) string {
	resp, err := client.Do(req)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	b := make([]byte, 1<<10)
	n, _ := resp.Body.Read(b)
	return string(b[:n])
}

// reported is one service of the engine's newest report.
func reported(name string) (out status.Spec) {
	r, err := currentReport()
	if err != nil {
		return status.Spec{Reason: err.Error()}
	}
	for _, s := range r.Specs {
		if s.Identity.Name == name {
			return s
		}
	}
	return out
}

// awaitTraffic waits until the report says who gets what.
func awaitTraffic(t *testing.T, name, want string) {
	t.Helper()
	await(t, want, func() string { return status.Shares(reported(name).Traffic) })
}

func TestRefs_ATagIsARevision(t *testing.T) {
	c := newClone(t)
	c.write("era.yaml", helloService("era", "one"))
	c.push("One")
	c.git("tag", "era-1")
	c.git("push", "-q", "origin", "era-1")
	t.Cleanup(func() { _ = exec.Command("git", "-C", under.repo, "update-ref", "-d", "refs/tags/era-1").Run() })
	awaitAnswer(t, host("era"), hello("one"))
	stop := crowd(t, host("era"), hello("one"), hello("two"))
	c.write("era.yaml", helloService("era", "two"))
	c.push("Two")
	awaitAnswer(t, host("era"), hello("two"))
	c.write("era.yaml", helloService("era", "two")+"  traffic:\n  - gitRef: era-1\n    percent: 100\n    tag: old\n  - latestRevision: true\n    percent: 0\n    tag: new\n")
	c.push("Back to the tag")
	awaitAnswer(t, host("era"), hello("one"))
	awaitAnswer(t, host("old-era"), hello("one"))
	if got := tagged(t, host("era"), "new"); got != hello("two") {
		t.Errorf("by header: %s", got)
	}
	if got := tagged(t, host("era"), "nothing"); got != hello("one") {
		t.Errorf("by the header of no tag: %s", got)
	}
	c.write("era.yaml", helloService("era", "three")+"  traffic:\n  - gitRef: era-9\n    percent: 100\n")
	c.write("other-era.yaml", helloService("other-era", "x"))
	c.push("A ref that is not there")
	awaitState(t, "era", "Failed", `gitRef "era-9": no such tag, branch or commit`)
	awaitAnswer(t, host("other-era"), hello("x"))
	stop()
}

// The same Service as two commits: the second version under a tag at 0 %, then
// half and half.
func TestTraffic_TheSameServiceTwice(t *testing.T) {
	c := newClone(t)
	c.write("twice.yaml", helloService("twice", "one"))
	c.push("One")
	awaitAnswer(t, host("twice"), hello("one"))
	stop := crowd(t, host("twice"), hello("one"), hello("two"))
	c.write("twice.yaml", helloService("twice", "two")+"  traffic:\n  - revisionName: twice-00001\n    percent: 100\n    tag: current\n  - latestRevision: true\n    percent: 0\n    tag: candidate\n")
	c.push("Two, for those who know")
	awaitAnswer(t, host("candidate-twice"), hello("two"))
	awaitAnswer(t, host("current-twice"), hello("one"))
	for range 50 {
		if _, body := get(host("twice")); body != hello("one") {
			t.Fatalf("at 0 %%: %s", body)
		}
	}
	c.write("twice.yaml", helloService("twice", "two")+"  traffic:\n  - revisionName: twice-00001\n    percent: 50\n    tag: current\n  - latestRevision: true\n    percent: 50\n    tag: candidate\n")
	c.push("Half and half")
	await(t, "50 and 50", func() string {
		var shares []string
		for _, s := range reported("twice").Traffic {
			shares = append(shares, map[int64]string{50: "50"}[s.Percent])
		}
		return strings.Join(shares, " and ")
	})
	counts := map[string]int{}
	for range 200 {
		_, body := get(host("twice"))
		counts[body]++
	}
	if counts[hello("one")] < 50 || counts[hello("two")] < 50 {
		t.Errorf("of 200: %v", counts)
	}
	stop()
}
