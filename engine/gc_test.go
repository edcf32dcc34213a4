package engine

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// idles are revisions r0, r1, ... that are so many hours old and were active
// so many hours ago.
func idles(now time.Time, hours ...[2]int) []idle {
	var out []idle
	for i, h := range hours {
		out = append(out, idle{
			key:     revisionKey{"default", fmt.Sprint("r", i)},
			created: now.Add(-time.Duration(h[0]) * time.Hour), active: now.Add(-time.Duration(h[1]) * time.Hour),
		})
	}
	return out
}

func TestRetention_CollectsAsKnativeDoes(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	knative := retention{48 * time.Hour, 15 * time.Hour, 2, 4}
	for _, test := range []struct {
		name string
		r    retention
		all  []idle
		want string
	}{
		{"nothing is old", knative, idles(now, [2]int{1, 1}, [2]int{2, 2}, [2]int{3, 3}), ""},
		{"old ones, down to the minimum", knative, idles(now, [2]int{99, 60}, [2]int{99, 70}, [2]int{99, 50}, [2]int{99, 40}), "r1 r0"},
		{"created long ago, active lately", knative, idles(now, [2]int{99, 14}, [2]int{99, 14}, [2]int{99, 14}), ""},
		{"created lately", knative, idles(now, [2]int{47, 47}, [2]int{47, 47}, [2]int{47, 47}), ""},
		{"young ones, down to the maximum", knative, idles(now, [2]int{1, 1}, [2]int{2, 2}, [2]int{3, 3}, [2]int{4, 4}, [2]int{5, 5}), "r4"},
		{"all limits are 0", retention{0, 0, 0, 0}, idles(now, [2]int{0, 0}), "r0"},
		{"ages do not matter", retention{-1, -1, 0, 1}, idles(now, [2]int{999, 999}, [2]int{1, 1}), "r0"},
		{"only the age since it was made", retention{time.Hour, -1, 0, 9}, idles(now, [2]int{2, 0}, [2]int{0, 0}), "r0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, key := range test.r.collect(test.all, now) {
				got = append(got, key.name)
			}
			if text := strings.Join(got, " "); text != test.want {
				t.Errorf("got %q, want %q", text, test.want)
			}
		})
	}
}

const keepNone = "gc: {retain-since-create-time: 0s, retain-since-last-active-time: 0s, min-non-active-revisions: 0, max-non-active-revisions: 0}\n"

// next serves hello with another target, and gives the new revision.
func (w *world) nextRevision(files map[string]string) string {
	w.t.Helper()
	known := w.revisions("hello")
	w.push("next", files)
	name := w.create("hello", known...)
	w.ready(name)
	w.pass()
	return name
}

func TestGC_WithLimitsOfZeroAnOldRevisionGoesWhenTheNextIsReady(t *testing.T) {
	w := newWorld(t)
	w.push("keep none", map[string]string{"sluice.yaml": keepNone})
	first := w.serve("one")
	second := w.nextRevision(map[string]string{"hello.yaml": hello("hello", "two")})
	w.now = w.now.Add(time.Minute + time.Second)
	wantWrites(t, w.pass(), "delete Deployment "+first)
	if got := w.revisions("hello"); !slices.Equal(got, []string{second}) {
		t.Errorf("revisions: %v", got)
	}
}

func TestGC_NeverTakesWhatIsRoutedNamedOrPreserved(t *testing.T) {
	w := newWorld(t)
	w.push("keep none", map[string]string{"sluice.yaml": keepNone})
	first := w.serve("one")
	preserved := strings.Replace(hello("hello", "kept"), "    spec:", "    metadata:\n      annotations: {serving.knative.dev/no-gc: \"true\"}\n    spec:", 1)
	kept := w.nextRevision(map[string]string{"hello.yaml": preserved + "  traffic:\n  - latestRevision: true\n    percent: 100\n  - revisionName: hello-00001\n    percent: 0\n    tag: old\n"})
	third := w.nextRevision(split("three", "  - latestRevision: true\n    percent: 100\n  - revisionName: hello-00001\n    percent: 0\n    tag: old\n"))
	w.now = w.now.Add(100 * time.Hour)
	wantWrites(t, w.pass())
	want := []string{first, kept, third}
	slices.Sort(want)
	if got := w.revisions("hello"); !slices.Equal(got, want) {
		t.Errorf("revisions: %v, want %v", got, want)
	}
}

func TestGC_ManyOldRevisionsAreNoMassDeletion(t *testing.T) {
	w := newWorld(t)
	files := map[string]string{}
	for i := range 8 {
		name := fmt.Sprint("s", i)
		files[name+".yaml"] = hello(name, "one")
	}
	w.push("one", files)
	w.pass()
	for i := range 8 {
		name := fmt.Sprint("s", i)
		w.ready(w.revisions(name)...)
		files[name+".yaml"] = hello(name, "two")
	}
	w.pass()
	files["sluice.yaml"] = keepNone
	w.push("two", files)
	w.pass()
	for i := range 8 {
		w.ready(w.revisions(fmt.Sprint("s", i))...)
	}
	w.pass()
	w.now = w.now.Add(2 * time.Minute)
	if writes := w.pass(); len(writes) != 8 {
		t.Errorf("writes: %v", writes)
	}
}

func TestGC_WhileAFileIsBrokenNothingGoes(t *testing.T) {
	w := newWorld(t)
	w.push("keep none", map[string]string{"sluice.yaml": keepNone})
	w.serve("one")
	w.nextRevision(map[string]string{"hello.yaml": hello("hello", "two"), "bad.yaml": "kind: [\n"})
	w.now = w.now.Add(100 * time.Hour)
	wantWrites(t, w.pass())
}
