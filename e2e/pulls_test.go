package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/engine/status"
)

// pullsPolicy lets two refs in that forges make of requests to merge.
const pullsPolicy = "previews:\n  refs: [refs/pull/*/head, refs/merge-requests/*/head]\n  allow: [refs/pull/7/head, refs/merge-requests/3/head]\n  ttl: 1h\n"

// awaitPreview waits until the engine says a text of a ref.
func awaitPreview(t *testing.T, ref, want string) status.Preview {
	t.Helper()
	var p status.Preview
	await(t, want, func() string {
		p = previewOf(ref)
		if said := fmt.Sprint(p.State, " ", p.Reason, p.Problems, p.Services); strings.Contains(said, want) {
			return want
		}
		return fmt.Sprintf("%+v", p)
	})
	return p
}

func awaitGone(t *testing.T, host string) {
	t.Helper()
	await(t, "HTTP 404", func() string { code, _ := get(host); return fmt.Sprint("HTTP ", code) })
}

// The refs that GitHub and GitLab make of a request to merge are reached by
// tag host and by header, if the policy lets them in, and vanish each way that
// such a request ends.
func TestPulls_AreReachedAndVanishHoweverTheyEnd(t *testing.T) {
	const pull, merge, stranger = "refs/pull/7/head", "refs/merge-requests/3/head", "refs/pull/8/head"
	c := newClone(t)
	c.write("sluice.yaml", pullsPolicy)
	c.write("store.yaml", helloService("store", "one"))
	c.push("One")
	awaitAnswer(t, host("store"), hello("one"))
	stop := crowd(t, host("store"), hello("one"), hello("seven"))
	reached := func(tag, text string) {
		t.Helper()
		awaitAnswer(t, host(tag+"-store"), text)
		if got := tagged(t, host("store"), tag); got != text {
			t.Errorf("by the header %s: %s", tag, got)
		}
	}
	seven := map[string]string{"store.yaml": helloService("store", "seven")}
	c.ref(pull, "Seven", seven)
	c.ref(merge, "Three", map[string]string{"store.yaml": helloService("store", "three")})
	c.ref(stranger, "Eight", map[string]string{"store.yaml": helloService("store", "eight")})
	reached("pr-7", hello("seven"))
	reached("mr-3", hello("three"))
	awaitPreview(t, stranger, "Progressing anybody may push to refs/pull/8/head")

	t.Run("deleted", func(t *testing.T) {
		drop(t, merge)
		awaitGone(t, host("mr-3-store"))
	})
	t.Run("equal", func(t *testing.T) {
		c.ref(merge, "Three again", map[string]string{"store.yaml": helloService("store", "three")})
		reached("mr-3", hello("three"))
		c.ref(merge, "As the branch has it", map[string]string{"note.txt": "nothing that runs"})
		awaitGone(t, host("mr-3-store"))
		awaitPreview(t, merge, "Ready [] []")
	})
	t.Run("too old", func(t *testing.T) {
		c.ref(merge, "Three again", map[string]string{"store.yaml": helloService("store", "three")})
		reached("mr-3", hello("three"))
		c.at(merge, time.Now().Add(-2*time.Hour), map[string]string{"store.yaml": helloService("store", "three")})
		awaitGone(t, host("mr-3-store"))
		awaitPreview(t, merge, "its newest commit is older than 1h")
	})
	t.Run("merged", func(t *testing.T) {
		c.git("fetch", "-q", "origin", pull)
		c.git("merge", "-q", "--no-ff", "--no-edit", "FETCH_HEAD")
		c.git("push", "-q")
		awaitAnswer(t, host("store"), hello("seven"))
		awaitGone(t, host("pr-7-store"))
		awaitPreview(t, pull, "Ready it is merged")
	})
	stop()
}

// at pushes a commit of a certain time to a ref.
func (c clone) at(ref string, when time.Time, files map[string]string) {
	c.t.Helper()
	now := c.ref(ref, "Now", files)
	cmd := exec.Command("git", "-C", under.repo, "-c", "user.name=Ada", "-c", "user.email=ada@example.com", "commit-tree", now+"^{tree}", "-p", "main", "-m", "Long ago")
	cmd.Env = append(os.Environ(), "GIT_COMMITTER_DATE="+when.Format(time.RFC3339))
	commit, err := cmd.Output()
	check(c.t, err)
	if out, err := gitIn(under.repo, "update-ref", ref, strings.TrimSpace(string(commit))); err != nil {
		c.t.Errorf("git update-ref: %v: %s", err, out)
	}
}

// drop deletes a ref.
func drop(t *testing.T, ref string) {
	t.Helper()
	if out, err := exec.Command("git", "-C", under.repo, "update-ref", "-d", ref).CombinedOutput(); err != nil {
		t.Errorf("git update-ref -d %s: %v: %s", ref, err, out)
	}
}

// A pull request that is rewritten again and again is not followed at its
// pace, and nobody else notices.
func TestPulls_OneThatLoopsIsFollowedSlowly(t *testing.T) {
	const pull = "refs/pull/7/head"
	c := newClone(t)
	c.write("sluice.yaml", pullsPolicy)
	c.write("quiet.yaml", helloService("quiet", "one"))
	c.push("One")
	awaitAnswer(t, host("quiet"), hello("one"))
	stop := crowd(t, host("quiet"), hello("one"), hello("two"))
	for i := range 30 {
		c.ref(pull, fmt.Sprint("Again ", i), map[string]string{"quiet.yaml": helloService("quiet", fmt.Sprint("v", i))})
		time.Sleep(100 * time.Millisecond) // the pace of the loop, not a wait
	}
	awaitPreview(t, pull, "it is rewritten too often")
	if n := len(of(t, deployments, "quiet")); n > 9 {
		t.Errorf("%d revisions of 30 rewrites", n)
	}
	c.write("quiet.yaml", helloService("quiet", "two"))
	c.push("Two, in the middle of it")
	awaitAnswer(t, host("quiet"), hello("two"))
	awaitFor(t, time.Minute, hello("v29"), func() string { _, body := get(host("pr-7-quiet")); return body })
	stop()
}
