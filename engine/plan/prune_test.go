package plan

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/engine/manifest"
)

func TestMake_WhatTheRepositoryMayStillDescribeIsKept(t *testing.T) {
	for _, c := range []struct {
		name, source string
		broken       Broken
		want         string
	}{
		{"a file that cannot be read", "a.yaml", Broken{Files: map[string]bool{"a.yaml": true}}, `"a.yaml" cannot be read`},
		{"below a submodule", "apps/shop/a.yaml", Broken{Files: map[string]bool{"apps": true}, Paths: map[string]bool{"apps": true, "apps/shop/a.yaml": true}}, `"apps" cannot be read`},
		{"beside a submodule", "apps-old/a.yaml", Broken{Files: map[string]bool{"apps": true}, Paths: map[string]bool{"apps-old/a.yaml": true}}, ""},
		{"a file that was emptied", "a.yaml", Broken{Silent: map[string]bool{"a.yaml": true}}, `"a.yaml" describes nothing of it any more; delete the file`},
		{"another file was emptied", "a.yaml", Broken{Silent: map[string]bool{"b.yaml": true}}, ""},
		{"moved into what cannot be read", "a.yaml", Broken{Files: map[string]bool{"b.yaml": true, "c.yaml": true}}, `"a.yaml" is gone, but "b.yaml" or one of 1 more files that cannot be read may describe it now`},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := made(t, id("Deployment", "a"), "1")
			m.File = c.source
			live := Live{}
			do(t, live, Make(Input{Manifests: []manifest.Manifest{m}, Live: live}), nil)
			p := Make(Input{Live: live, Now: noon, Broken: c.broken, Policy: Policy{Confirmed: true}})
			if c.want == "" {
				if steps(p) != "delete Deployment a" {
					t.Errorf("not deleted: %+v", p)
				}
				return
			}
			if len(p.Steps) != 0 || len(p.Holds) != 1 || !p.Holds[0].Broken || !strings.Contains(p.Holds[0].Reason, c.want) {
				t.Errorf("%+v", p)
			}
		})
	}
}

func TestMake_WhatWasReleasedHasNotMovedIntoAFileThatBrokeLater(t *testing.T) {
	live := Live{}
	do(t, live, Make(Input{Manifests: []manifest.Manifest{made(t, id("Deployment", "a"), "1")}, Live: live}), nil)
	released := Make(Input{Live: live, Now: noon, Policy: DefaultPolicy()})
	p := Make(Input{
		Live: live, Now: noon.Add(time.Minute), Orphans: released.Orphans, Policy: DefaultPolicy(),
		Broken: Broken{Files: map[string]bool{"b.yaml": true}},
	})
	if steps(p) != "delete Deployment a" {
		t.Errorf("%+v", p)
	}
}

func TestMake_TheBrakeCountsWhatStoodNotWhatWentBefore(t *testing.T) {
	live := Live{}
	fleet := func(prefix string, n int) (all []manifest.Manifest) {
		for i := range n {
			m := made(t, id("Deployment", prefix+strconv.Itoa(i)), "1")
			all = append(all, m)
		}
		return all
	}
	stays := fleet("stays", 10)
	do(t, live, Make(Input{Manifests: append(append(fleet("early", 20), fleet("late", 20)...), stays...), Live: live}), nil)

	policy := Policy{Grace: time.Minute, MinPrune: 5, MaxPrune: 0.5}
	first := Make(Input{Manifests: append(fleet("late", 20), stays...), Live: live, Now: noon, Policy: policy})
	if n := len(first.Orphans); n != 20 {
		t.Fatalf("20 of 50 may go: %d did", n)
	}
	second := Make(Input{Manifests: stays, Live: live, Now: noon.Add(time.Second), Orphans: first.Orphans, Policy: policy})
	braked := 0
	for _, h := range second.Holds {
		if strings.Contains(h.Reason, "deletes 20 of 30 specs") {
			braked++
		}
	}
	if braked != 20 {
		t.Errorf("20 of 30 that stood need a word: %+v", second.Holds)
	}
}
