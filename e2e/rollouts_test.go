package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/engine/status"
)

// annotated is a manifest with an annotation of the Service itself.
func annotated(manifest, annotation string) string {
	return strings.Replace(manifest, "metadata:\n", "metadata:\n  annotations: {"+annotation+"}\n", 1)
}

// rolled pushes a second version of a service that asks to move in steps, and
// waits until all requests go there. It tells how often traffic moved.
func rolled(t *testing.T, name, annotation string) (steps int) {
	t.Helper()
	c := newClone(t)
	c.write(name+".yaml", annotated(helloService(name, "one"), annotation))
	c.push("One")
	awaitAnswer(t, host(name), hello("one"))
	awaitState(t, name, "Ready", "")
	stop := crowd(t, host(name), hello("one"), hello("two"))
	defer stop()
	c.write(name+".yaml", annotated(helloService(name, "two"), annotation))
	c.push("Two")
	seen := map[string]bool{}
	both := false
	await(t, "all at two", func() string {
		s := reported(name)
		seen[status.Shares(s.Traffic)] = true
		both = both || len(s.Traffic) == 2
		if len(s.Traffic) == 1 && s.State == status.Ready && both {
			return "all at two"
		}
		return fmt.Sprintf("%s %s", s.State, status.Shares(s.Traffic))
	})
	awaitAnswer(t, host(name), hello("two"))
	if !both {
		t.Error("traffic never was at two revisions")
	}
	for range 50 {
		if _, body := get(host(name)); body != hello("two") {
			t.Errorf("after the rollout: %s", body)
		}
	}
	return len(seen)
}

func TestRollout_ARampLosesNoRequest(t *testing.T) {
	if steps := rolled(t, "ramped", `sluice.dev/ramp: "10,40,70,100 every 1s"`); steps < 4 {
		t.Errorf("%d steps were seen", steps)
	}
}

func TestRollout_KnativesDurationLosesNoRequest(t *testing.T) {
	if steps := rolled(t, "gradual", `serving.knative.dev/rollout-duration: "5s"`); steps < 4 {
		t.Errorf("%d steps were seen", steps)
	}
}

func TestRollout_AWorseRevisionGoesBack(t *testing.T) {
	under.haveApp(t)
	c := newClone(t)
	const ramp = `sluice.dev/ramp: "30,100 every 5m"`
	good := app{name: "watched", target: "one"}
	c.write("watched.yaml", annotated(good.manifest(t), ramp))
	c.push("One")
	awaitState(t, "watched", "Ready", "")
	first := of(t, deployments, "watched")[0].GetName()
	url := "http://" + host("watched") + "/work"
	done := make(chan struct{})
	defer close(done)
	go func() {
		for {
			select {
			case <-done:
				return
			default:
				if resp, err := client.Get(url); err == nil {
					resp.Body.Close()
				}
			}
		}
	}()
	bad := good
	bad.env = []any{map[string]any{"name": "BROKEN", "value": "yes"}}
	c.write("watched.yaml", annotated(bad.manifest(t), ramp))
	c.push("Two, which fails")
	awaitState(t, "watched", "Failed", "is on hold: ")
	awaitTraffic(t, "watched", "100% "+first)
	for range 50 {
		if resp, err := client.Get(url); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("after it went back: %v %v", resp, err)
		}
	}
	awaitEvent(t, "RolloutFailed", "watched")
	good.target = "three"
	c.write("watched.yaml", annotated(good.manifest(t), ramp))
	c.push("Three, which does not")
	await(t, "30", func() string {
		s := reported("watched")
		if len(s.Traffic) != 2 {
			return string(s.State) + " " + s.Reason
		}
		return fmt.Sprint(s.Traffic[1].Percent)
	})
}

// Whatever Git does to the branch, the service answers.
func TestTraffic_WhateverGitDoesNoRequestIsLost(t *testing.T) {
	c := newClone(t)
	manifest := func(target string) { c.write("steady.yaml", helloService("steady", target)) }
	manifest("one")
	c.push("One")
	awaitAnswer(t, host("steady"), hello("one"))
	stop := crowd(t, host("steady"), hello("one"), hello("two"), hello("three"))

	manifest("two")
	c.push("Two")
	awaitAnswer(t, host("steady"), hello("two"))

	c.write("steady.yaml", strings.Replace(helloService("steady", "bad"), helloImage, "local.dev/not-there:v1", 1))
	c.push("Bad")
	awaitState(t, "steady", "Failed", "not-there")
	manifest("three")
	c.push("Three")
	awaitAnswer(t, host("steady"), hello("three"))

	c.git("revert", "--no-edit", "HEAD~2..HEAD") // several commits
	c.git("push", "-q")
	reverted(t, hello("two"))

	c.git("checkout", "-q", "-b", "topic", "HEAD~1")
	manifest("three")
	c.git("commit", "-qam", "Three again")
	c.git("checkout", "-q", "main")
	c.git("merge", "-q", "--no-ff", "-X", "theirs", "--no-edit", "topic")
	c.git("push", "-q")
	reverted(t, hello("three"))
	c.git("revert", "-m", "1", "--no-edit", "HEAD") // a merge
	c.git("push", "-q")
	reverted(t, hello("two"))

	c.git("reset", "-q", "--hard", "HEAD~1") // a force-push
	c.git("push", "-q", "-f")
	reverted(t, hello("three"))
	manifest("one")
	c.git("commit", "-q", "-a", "--amend", "-m", "History rewritten")
	c.git("push", "-q", "-f")
	reverted(t, hello("one"))
	stop()
}

// reverted waits until steady answers a text, and says how long that took.
func reverted(t *testing.T, text string) {
	t.Helper()
	began := time.Now()
	awaitAnswer(t, host("steady"), text)
	t.Logf("%s after %s", text, time.Since(began).Round(time.Millisecond))
}

func TestTraffic_ADeletionRevertedWithinTheGraceFindsItsPods(t *testing.T) {
	c := newClone(t)
	c.deployed("phoenix")
	before := podNames(t, "serving.knative.dev/service=phoenix")
	c.git("rm", "-q", "phoenix.yaml")
	c.git("commit", "-qm", "Delete it")
	c.git("push", "-q")
	await(t, "HTTP 404", func() string { code, _ := get(host("phoenix")); return fmt.Sprint("HTTP ", code) })
	c.git("revert", "--no-edit", "HEAD")
	c.git("push", "-q")
	awaitAnswer(t, host("phoenix"), hello("phoenix"))
	if after := podNames(t, "serving.knative.dev/service=phoenix"); strings.Join(before, " ") != strings.Join(after, " ") {
		t.Errorf("pods were %v, are %v", before, after)
	}
}

func TestGC_WithLimitsOfZeroAnOldRevisionGoes(t *testing.T) {
	c := newClone(t)
	c.write("sluice.yaml", "gc: {retain-since-create-time: 0s, retain-since-last-active-time: 0s, min-non-active-revisions: 0, max-non-active-revisions: 0}\n")
	c.write("tidy.yaml", helloService("tidy", "one"))
	c.push("One")
	awaitAnswer(t, host("tidy"), hello("one"))
	first := of(t, deployments, "tidy")[0].GetName()
	c.write("tidy.yaml", helloService("tidy", "two"))
	c.push("Two")
	awaitAnswer(t, host("tidy"), hello("two"))
	await(t, "goes", func() string {
		r, err := currentReport()
		for _, h := range r.Holds {
			if h.ID.Kind == "Deployment" && h.ID.Name == first && h.Wait > 0 {
				return "goes"
			}
		}
		return fmt.Sprint("not on the list: ", err)
	})
	awaitAnswer(t, host("tidy"), hello("two"))
}
