package engine

import (
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/engine/status"
)

// old2018 is a Service as 2018 wrote it, in one of its modes.
func old2018(mode, extra, target string) map[string]string {
	return map[string]string{"hello.yaml": strings.NewReplacer("MODE", mode, "EXTRA", extra, "TARGET", target).Replace(`apiVersion: serving.knative.dev/v1alpha1
kind: Service
metadata:
  name: hello
spec:
  MODE:
EXTRA    configuration:
      revisionTemplate:
        spec:
          container:
            image: local.dev/hello
            env:
            - name: TARGET
              value: TARGET
`)}
}

// both serves hello's two versions, the second with the mode.
func (w *world) both(mode, extra string) (first, second string) {
	w.t.Helper()
	w.push("one", old2018("runLatest", "", "one"))
	first = w.create("hello")
	w.ready(first)
	w.pass()
	w.push("two", old2018(mode, extra, "two"))
	second = w.create("hello", first)
	w.ready(second)
	w.pass()
	return first, second
}

func TestModes_OfTwentyEighteenRouteAsTheyDid(t *testing.T) {
	for _, test := range []struct {
		name, mode, extra string
		want              func(first, second string) map[string]string
	}{
		{"runLatest", "runLatest", "", func(_, second string) map[string]string {
			return map[string]string{"default": "100% " + second}
		}},
		{"pinned", "pinned", "    revisionName: hello-00001\n", func(first, _ string) map[string]string {
			return map[string]string{"default": "100% " + first}
		}},
		{"release of one", "release", "    revisions: [hello-00001]\n", func(first, second string) map[string]string {
			return map[string]string{"default": "100% " + first, "tag-current": "100% " + first, "tag-latest": "100% " + second}
		}},
		{"release of two", "release", "    revisions: [hello-00001, hello-00002]\n    rolloutPercent: 10\n", func(first, second string) map[string]string {
			return map[string]string{"default": "90% " + first + ", 10% " + second, "tag-candidate": "100% " + second, "tag-latest": "100% " + second}
		}},
		{"release to the latest", "release", "    revisions: [hello-00001, \"@latest\"]\n    rolloutPercent: 25\n", func(first, second string) map[string]string {
			return map[string]string{"default": "75% " + first + ", 25% " + second, "tag-current": "100% " + first, "tag-candidate": "100% " + second}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			first, second := w.both(test.mode, test.extra)
			got := w.routes("hello")
			for rule, want := range test.want(first, second) {
				if got[rule] != want {
					t.Errorf("%s: %s, want %s", rule, got[rule], want)
				}
			}
		})
	}
}

func TestModes_ManualLeavesRouteAndConfigurationAlone(t *testing.T) {
	w := newWorld(t)
	w.push("manual", map[string]string{"hello.yaml": "apiVersion: serving.knative.dev/v1alpha1\nkind: Service\nmetadata: {name: hello}\nspec: {manual: {}}\n"})
	wantWrites(t, w.pass())
	if s := w.spec("hello"); s.State != status.Ready {
		t.Errorf("state: %+v", s)
	}
}

// free is a Configuration beside a Route.
func free(target, traffic string) map[string]string {
	return map[string]string{
		"configuration.yaml": strings.ReplaceAll(hello("hello", target), "kind: Service", "kind: Configuration"),
		"route.yaml":         "apiVersion: serving.knative.dev/v1\nkind: Route\nmetadata: {name: door}\nspec:\n  traffic:\n" + traffic,
	}
}

func TestModes_ARouteBesideAConfigurationFollowsIt(t *testing.T) {
	w := newWorld(t)
	const follow = "  - {configurationName: hello, percent: 100}\n"
	w.push("one", free("one", follow))
	first := w.create("hello")
	w.ready(first)
	w.pass()
	if got := w.routes("door")["default"]; got != "100% "+first {
		t.Errorf("first: %s", got)
	}
	w.push("two", free("two", follow))
	second := w.create("hello", first)
	w.ready(second)
	wantWrites(t, w.pass(), "update VirtualService door")
	w.push("split", free("two", "  - {revisionName: hello-00001, percent: 50, tag: old}\n  - {configurationName: hello, percent: 50}\n"))
	wantWrites(t, w.pass(), "update VirtualService door")
	if got := w.routes("door"); got["default"] != "50% "+first+", 50% "+second || got["tag-old"] != "100% "+first {
		t.Errorf("split: %v", got)
	}
	w.push("nobody", free("two", "  - {revisionName: hello-00009, percent: 100}\n"))
	wantWrites(t, w.pass())
	if s := w.spec("door"); s.State != status.Failed || !strings.Contains(s.Reason, "hello-00009") {
		t.Errorf("nobody: %+v", s)
	}
}

func TestModes_AFreeRouteRampsToo(t *testing.T) {
	w := newWorld(t)
	ramped := func(target string) map[string]string {
		files := free(target, "  - {configurationName: hello, percent: 100}\n")
		files["route.yaml"] = strings.Replace(files["route.yaml"], "{name: door}", "{name: door, annotations: {"+rampOfThree+"}}", 1)
		return files
	}
	w.push("one", ramped("one"))
	first := w.create("hello")
	w.ready(first)
	w.pass()
	w.push("two", ramped("two"))
	second := w.create("hello", first)
	w.ready(second)
	w.pass()
	if got := w.routes("door")["default"]; got != "90% "+first+", 10% "+second {
		t.Errorf("routes: %s", got)
	}
}

func TestModes_ANameOfOnesOwnComesBackWithItsRevision(t *testing.T) {
	w := newWorld(t)
	named := func(name, target string) map[string]string {
		return map[string]string{"hello.yaml": strings.Replace(hello("hello", target), "    spec:", "    metadata: {name: "+name+"}\n    spec:", 1)}
	}
	w.push("one", named("hello-mine", "one"))
	w.pass()
	w.ready("hello-mine")
	w.pass()
	w.push("two", named("hello-next", "two"))
	w.pass()
	w.ready("hello-next")
	w.pass()
	w.push("back", named("hello-mine", "one"))
	wantWrites(t, w.pass(), "update VirtualService hello")
	w.wantDefault("100% hello-mine")
}
