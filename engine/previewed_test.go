package engine

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/engine/status"
)

func TestPreview_ItsStateSaysWhoHasToAct(t *testing.T) {
	w := newWorld(t)
	first := w.serve("one")
	w.push("policy", map[string]string{"sluice.yaml": "previews:\n  refs: [refs/heads/preview/*, refs/pull/*/head]\n  percent: 20\n"})
	w.branch("refs/pull/8/head", "a stranger's", map[string]string{"hello.yaml": hello("hello", "x")})
	w.branch("refs/heads/preview/same", "nothing", nil)
	w.branch(blueRef, "blue", map[string]string{"hello.yaml": strings.Replace(hello("hello", "blue"), "metadata:", "metadata:\n  annotations: {sluice.dev/preview-percent: \"10\"}", 1)})
	blue := w.create("hello", first)
	want := func(ref string, state status.State, why string) {
		t.Helper()
		p := w.preview(ref)
		said := p.Reason
		for _, s := range p.Services {
			said += s.Reason
		}
		if p.State != state || !strings.Contains(said, why) || p.Commit != w.refs[ref].Hash {
			t.Errorf("%s: %+v, want %s", ref, p, state)
		}
	}
	want("refs/pull/8/head", status.Progressing, "anybody may push to refs/pull/8/head")
	want("refs/heads/preview/same", status.Ready, "")
	want(blueRef, status.Progressing, "")
	w.ready(blue)
	w.pass()
	want(blueRef, status.Ready, "")
	w.engine.worse = verdicts{{"default", blue}: "half of its requests fail"}
	w.pass()
	want(blueRef, status.Failed, "it is on hold, without a share, until another template comes: half of its requests fail")
	if s := w.preview(blueRef).Services[0]; !s.Ready || s.Percent != 0 {
		t.Errorf("on hold: %+v", s)
	}
	w.now = w.now.Add(73 * time.Hour)
	w.pass()
	want(blueRef, status.Progressing, "older than 72h")
	if p := w.preview(blueRef); !p.Over {
		t.Errorf("too old: %+v", p)
	}
}

func TestPreview_TenThousandThatMayNotRunAreBounded(t *testing.T) {
	w := newWorld(t)
	w.serve("one")
	w.push("policy", map[string]string{"sluice.yaml": "previews:\n  refs: [refs/pull/*/head]\n  allow: [refs/pull/9999/head]\n"})
	for i := range 10_000 {
		w.branch(fmt.Sprintf("refs/pull/%d/head", i), "x", map[string]string{"hello.yaml": hello("hello", fmt.Sprint("p", i))})
	}
	w.pass()
	if n := len(w.revisions("hello")); n != 2 {
		t.Errorf("%d revisions, want the branch's and the one that is listed", n)
	}
	all := w.report().Previews
	if last := all[len(all)-1]; len(all) != seenMost+2 || !strings.Contains(last.Reason, "9499 more refs") || !strings.Contains(last.Reason, "list fewer under previews.refs") {
		t.Errorf("report: %d, %+v", len(all), all[len(all)-1])
	}
}
