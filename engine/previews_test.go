package engine

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/engine/status"
	"github.com/sluice-dev/sluice/schema/contract"
)

const blueRef = "refs/heads/preview/blue"

// preview is what is reported of a ref.
func (w *world) preview(ref string) status.Preview {
	w.t.Helper()
	for _, p := range w.report().Previews {
		if p.Ref == ref {
			return p
		}
	}
	return status.Preview{}
}

// blue opens a preview of hello that is ready; it gives both revisions.
func (w *world) blue() (first, blue string) {
	w.t.Helper()
	first = w.serve("one")
	w.branch(blueRef, "blue", map[string]string{"hello.yaml": hello("hello", "blue")})
	blue = w.create("hello", first)
	w.ready(blue)
	w.pass()
	return first, blue
}

func TestPreview_IsReachedByItsTagAndTakesNothing(t *testing.T) {
	w := newWorld(t)
	first, blue := w.blue()
	got := w.routes("hello")
	if got["tag-blue"] != "100% "+blue || got["header-blue"] != "100% "+blue || got["default"] != "100% "+first {
		t.Errorf("routes: %v", got)
	}
	p := w.preview(blueRef)
	if !p.Open || len(p.Services) != 1 || !p.Services[0].Ready || p.Services[0].URL != "http://blue-hello.default.localhost" {
		t.Errorf("preview: %+v", p)
	}
	if s := w.spec("hello"); s.State != status.Ready {
		t.Errorf("the service: %+v", s)
	}
	wantWrites(t, w.pass())
}

func TestPreview_CostsOnlyWhatDiffers(t *testing.T) {
	w := newWorld(t)
	files := map[string]string{}
	for i := range 20 {
		name := fmt.Sprintf("s%d", i)
		files[name+".yaml"] = hello(name, "one")
	}
	w.push("many", files)
	w.pass()
	w.branch(blueRef, "blue", map[string]string{"s7.yaml": hello("s7", "blue")})
	if writes := w.pass(); len(writes) != 1 || !strings.HasPrefix(writes[0], "create Deployment s7-") {
		t.Errorf("writes: %v", writes)
	}
}

func TestPreview_MergingMovesTheWarmRevision(t *testing.T) {
	w := newWorld(t)
	first, blue := w.blue()
	w.push("merge", map[string]string{"hello.yaml": hello("hello", "blue")})
	wantWrites(t, w.pass(), "update Deployment "+blue, "update VirtualService hello")
	got := w.routes("hello")
	if got["default"] != "100% "+blue || got["tag-blue"] != "" {
		t.Errorf("routes: %v", got)
	}
	// It is the branch's own now: a revert finds the first, a second one this.
	w.now = w.now.Add(time.Hour)
	w.push("revert", map[string]string{"hello.yaml": hello("hello", "one")})
	delete(w.refs, blueRef)
	wantWrites(t, w.pass(), "update VirtualService hello")
	if got := w.revisions("hello"); !slices.Contains(got, blue) || !slices.Contains(got, first) {
		t.Errorf("revisions: %v", got)
	}
}

func TestPreview_VanishesWithItsRef(t *testing.T) {
	for name, end := range map[string]func(*world){
		"deleted": func(w *world) { delete(w.refs, blueRef) },
		"too old": func(w *world) { w.now = w.now.Add(73 * time.Hour) },
		"merged": func(w *world) {
			w.push("merge", nil)
			w.commits[len(w.commits)-1].Parents = []string{w.refs[blueRef].Hash}
		},
		"equal": func(w *world) {
			w.branch(blueRef, "back", map[string]string{"hello.yaml": hello("hello", "one")})
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			first, blue := w.blue()
			end(w)
			wantWrites(t, w.pass(), "update VirtualService hello")
			if got := w.routes("hello"); got["tag-blue"] != "" || got["default"] != "100% "+first {
				t.Errorf("routes: %v", got)
			}
			w.now = w.now.Add(time.Minute + time.Second)
			wantWrites(t, w.pass(), "delete Deployment "+blue)
		})
	}
}

func TestPreview_TooOldIsSeenWithoutAnyCommit(t *testing.T) {
	w := newWorld(t)
	w.blue()
	if due := w.engine.previews.due.Sub(w.now); due < 71*time.Hour || due > 73*time.Hour {
		t.Errorf("looks again in %s", due)
	}
}

func TestPreview_ANewerOneTakesTheTagWhenItIsReady(t *testing.T) {
	w := newWorld(t)
	first, blue := w.blue()
	w.branch(blueRef, "darker", map[string]string{"hello.yaml": hello("hello", "navy")})
	navy := w.create("hello", first, blue)
	if got := w.routes("hello")["tag-blue"]; got != "100% "+blue {
		t.Errorf("before it is ready: %s", got)
	}
	w.ready(navy)
	wantWrites(t, w.pass(), "update VirtualService hello")
	if got := w.routes("hello")["tag-blue"]; got != "100% "+navy {
		t.Errorf("routes: %s", got)
	}
	w.now = w.now.Add(2 * time.Minute)
	wantWrites(t, w.pass(), "delete Deployment "+blue)
}

func TestPreview_GetsAShareWithinThePolicy(t *testing.T) {
	w := newWorld(t)
	w.push("policy", map[string]string{"sluice.yaml": "previews: {percent: 20}\n"})
	first := w.serve("one")
	asks := func(target, percent string) map[string]string {
		return map[string]string{"hello.yaml": strings.Replace(hello("hello", target), "metadata:\n", "metadata:\n  annotations: {sluice.dev/preview-percent: \""+percent+"\"}\n", 1)}
	}
	w.branch(blueRef, "blue", asks("blue", "15"))
	blue := w.create("hello", first)
	if got := w.routes("hello")["default"]; got != "100% "+first {
		t.Errorf("before it is ready: %s", got)
	}
	w.branch("refs/heads/preview/azure", "azure", asks("azure", "50"))
	azure := w.create("hello", first, blue)
	w.ready(blue, azure)
	w.pass()
	if got, want := w.routes("hello")["default"], fmt.Sprintf("80%% %s, 15%% %s, 5%% %s", first, blue, azure); got != want {
		t.Errorf("routes: %s, want %s", got, want)
	}
	if p := w.preview("refs/heads/preview/azure"); len(p.Services) != 1 || !strings.Contains(p.Services[0].Reason, "asks for 50 % of the requests and gets 5 %") {
		t.Errorf("azure: %+v", p)
	}
	w.engine.worse = verdicts{{"default", blue}: "it fails"}
	w.pass()
	if got, want := w.routes("hello")["default"], fmt.Sprintf("95%% %s, 5%% %s", first, azure); got != want {
		t.Errorf("routes: %s, want %s", got, want)
	}
	w.start()
	wantWrites(t, w.pass())
}

func TestPreview_IsRefusedWithItsOwnMessage(t *testing.T) {
	serviceAccount := strings.Replace(hello("hello", "one"), "      containers:", "      serviceAccountName: admin\n      containers:", 1)
	volume := strings.Replace(hello("hello", "one"), "      containers:", "      volumes:\n      - name: x\n        secret: {secretName: other}\n      containers:", 1) + "        volumeMounts: [{name: x, mountPath: /x}]\n"
	secret := hello("hello", "one") + "        - name: PASSWORD\n          valueFrom: {secretKeyRef: {name: db, key: password}}\n"
	namespace := strings.Replace(hello("hello", "blue"), "  name: hello", "  name: hello\n  namespace: shop", 1)
	for name, test := range map[string]struct {
		files map[string]string
		want  string
	}{
		"service account": {map[string]string{"hello.yaml": serviceAccount}, "it changes serviceAccountName"},
		"volume":          {map[string]string{"hello.yaml": volume}, "it changes volumeMounts of container user-container"},
		"secret":          {map[string]string{"hello.yaml": secret}, "where the environment variable PASSWORD comes from"},
		"namespace":       {map[string]string{"hello.yaml": namespace}, "moves nothing to another namespace"},
		"a new service":   {map[string]string{"new.yaml": hello("new", "x")}, "Service.serving.knative.dev default/new is not in the trusted branch"},
		"a config map":    {map[string]string{"cm.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {a: evil}\n"}, "it changes ConfigMap default/settings"},
		"a broken file":   {map[string]string{"hello.yaml": hello("hello", "one") + "oops: 1\n"}, "oops: unknown field"},
		"its own policy":  {map[string]string{"sluice.yaml": "previews: {percent: 100}\n"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.push("settings", map[string]string{"cm.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {a: b}\n", "other.yaml": hello("other", "x")})
			w.serve("one")
			w.branch(blueRef, "blue", test.files)
			other := map[string]string{"other.yaml": hello("other", "green")}
			w.branch("refs/heads/preview/green", "green", other)
			writes := w.pass()
			if len(writes) != 1 || !strings.HasPrefix(writes[0], "create Deployment other-") {
				t.Errorf("writes: %v", writes)
			}
			p := w.preview(blueRef)
			if test.want != "" && (len(p.Problems) != 1 || !strings.Contains(p.Problems[0], test.want)) {
				t.Errorf("problems: %q", p.Problems)
			}
			if w.spec("hello").State != status.Ready {
				t.Errorf("the service: %+v", w.spec("hello"))
			}
		})
	}
}

func TestPreview_PullRequestsNeedAListOrASignature(t *testing.T) {
	w := newWorld(t)
	first := w.serve("one")
	w.push("policy", map[string]string{"sluice.yaml": "previews:\n  refs: [refs/pull/*/head]\n  allow: [refs/pull/7/head]\n  signers: [ssh-ada]\n"})
	for n, message := range map[int]string{7: "listed", 8: "anybody", 9: "x\n\nSigned: ssh-ada"} {
		w.branch(fmt.Sprintf("refs/pull/%d/head", n), message, map[string]string{"hello.yaml": hello("hello", fmt.Sprint("pr", n))})
	}
	w.pass()
	if got := len(w.revisions("hello")); got != 3 {
		t.Errorf("%d revisions beside %s: %v", got-1, first, w.revisions("hello"))
	}
	if p := w.preview("refs/pull/8/head"); p.Open || !strings.Contains(p.Reason, "not signed") {
		t.Errorf("8: %+v", p)
	}
	w.push("no signers", map[string]string{"sluice.yaml": "previews:\n  refs: [refs/pull/*/head]\n"})
	w.pass()
	if p := w.preview("refs/pull/7/head"); p.Open || !strings.Contains(p.Reason, "anybody may push to refs/pull/7/head") {
		t.Errorf("7: %+v", p)
	}
}

func TestPreview_TenThousandRefsAreBounded(t *testing.T) {
	w := newWorld(t)
	w.serve("one")
	for i := range 10_000 {
		ref := fmt.Sprintf("refs/heads/preview/p%d", i)
		w.branch(ref, "x", map[string]string{"hello.yaml": hello("hello", fmt.Sprint("p", i))})
	}
	w.pass()
	if n := len(w.revisions("hello")); n != 11 {
		t.Errorf("%d revisions, want the branch's and 10", n)
	}
	if w.compared > 10 {
		t.Errorf("%d refs were compared", w.compared)
	}
	last := w.report().Previews[len(w.report().Previews)-1]
	if len(w.report().Previews) != 11 || !strings.Contains(last.Reason, "9990 more refs") {
		t.Errorf("report: %d, %+v", len(w.report().Previews), last)
	}
}

func TestPreview_ARefThatLoopsIsBounded(t *testing.T) {
	w := newWorld(t)
	w.serve("one")
	for i := range 100 {
		w.branch(blueRef, "again", map[string]string{"hello.yaml": hello("hello", fmt.Sprint("v", i))})
		w.pass()
		w.now = w.now.Add(100 * time.Millisecond)
	}
	if n := len(w.revisions("hello")); n > 8 {
		t.Errorf("%d revisions of 100 rewrites in 10 s", n)
	}
	if p := w.preview(blueRef); !strings.Contains(p.Reason, "rewritten too often") {
		t.Errorf("preview: %+v", p)
	}
	w.now = w.engine.previews.due.Add(10 * time.Millisecond)
	known := w.revisions("hello")
	w.create("hello", known...) // in the end what it says is run
}

func TestPreview_CannotTakeAnotherServicesHost(t *testing.T) {
	w := newWorld(t)
	w.push("a service whose name is another's with a tag", map[string]string{"blue-hello.yaml": hello("blue-hello", "x")})
	w.serve("one")
	w.branch(blueRef, "blue", map[string]string{"hello.yaml": hello("hello", "evil")})
	w.pass()
	p := w.preview(blueRef)
	if len(p.Services) != 1 || p.Services[0].Tag == "blue" {
		t.Errorf("preview: %+v", p)
	}
	for id, o := range w.live {
		if id.Kind == "VirtualService" && id.Name == "hello" && strings.Contains(string(o.JSON), "\"blue-hello.default.localhost\"") {
			t.Errorf("it has the host: %s", o.JSON)
		}
	}
}

func TestPreview_OfARevisionThatTheBranchHadLeavesItTheBranchs(t *testing.T) {
	w := newWorld(t)
	first := w.serve("one")
	w.push("two", map[string]string{"hello.yaml": hello("hello", "two")})
	second := w.create("hello", first)
	w.ready(second)
	w.pass()
	w.branch(blueRef, "revert", map[string]string{"hello.yaml": hello("hello", "one")})
	wantWrites(t, w.pass(), "update VirtualService hello")
	delete(w.refs, blueRef)
	w.pass()
	w.now = w.now.Add(time.Hour)
	w.pass()
	if got := w.revisions("hello"); !slices.Contains(got, first) {
		t.Errorf("revisions: %v", got)
	}
}

func TestPreview_KeepsNoPodsThatNobodyAsksFor(t *testing.T) {
	w := newWorld(t)
	scaled := func(target string) map[string]string {
		return map[string]string{"hello.yaml": strings.Replace(hello("hello", target), "    spec:", "    metadata:\n      annotations: {autoscaling.knative.dev/min-scale: \"5\"}\n    spec:", 1)}
	}
	w.push("one", scaled("one"))
	first := w.create("hello")
	w.ready(first)
	w.pass()
	w.branch(blueRef, "blue", scaled("blue"))
	blue := w.create("hello", first)
	object := w.live.Of(deploymentID(blue))
	if _, ok := object.Annotations["autoscaling.knative.dev/min-scale"]; ok || object.Annotations[contract.AnnotationPreview] != blueRef {
		t.Errorf("annotations: %v", slices.Sorted(maps.Keys(object.Annotations)))
	}
}

func TestPreview_ARestartTakesNothingAway(t *testing.T) {
	w := newWorld(t)
	_, blue := w.blue()
	w.start()
	wantWrites(t, w.pass())
	w.start()
	refs := w.refs
	w.unlisted = fmt.Errorf("connection refused")
	wantWrites(t, w.pass())
	w.unlisted, w.refs = nil, refs
	wantWrites(t, w.pass())
	if got := w.routes("hello")["tag-blue"]; got != "100% "+blue {
		t.Errorf("routes: %s", got)
	}
}

func TestPreview_AVanishedRemoteTakesNothingAway(t *testing.T) {
	w := newWorld(t)
	_, blue := w.blue()
	w.gone = fmt.Errorf("connection refused")
	w.now = w.now.Add(100 * time.Hour) // too old, if anybody could look
	wantWrites(t, w.pass())
	if wait := w.engine.pass(t.Context(), true); wait < time.Second {
		t.Errorf("looks again in %s", wait)
	}
	if got := w.routes("hello")["tag-blue"]; got != "100% "+blue {
		t.Errorf("routes: %s", got)
	}
}
