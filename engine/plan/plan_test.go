package plan

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/contract"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func id(kind, name string) manifest.ID {
	api := map[string]string{"Deployment": "apps/v1", "VirtualService": "networking.istio.io/v1", "Secret": "v1"}[kind]
	return manifest.ID{APIVersion: api, Kind: kind, Namespace: "default", Name: name}
}

func unit(name string) schema.Identity {
	return schema.Identity{Group: "serving.knative.dev", Kind: "Service", Namespace: "default", Name: name}
}

// made is a manifest with one value that may differ.
func made(t fataler, i manifest.ID, value string) manifest.Manifest {
	m, err := manifest.New(i, map[string]any{
		"metadata": map[string]any{"name": i.Name, "namespace": i.Namespace},
		"spec":     map[string]any{"value": value},
	})
	if err != nil {
		t.Fatalf("%v", err)
	}
	m.Unit, m.File = unit(i.Name), i.Name+".yaml"
	return m
}

type fataler interface {
	Fatalf(format string, args ...any)
}

// applied is what a server makes of a step.
func applied(t fataler, s Step, version int) Object {
	body, err := s.Manifest.Body(s.Stamps, nil)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return Object{
		ID: s.ID, Ours: true, ResourceVersion: fmt.Sprint(version), JSON: body,
		Digest: s.Stamps[contract.AnnotationDigest], Commit: s.Stamps[contract.AnnotationCommit],
		Source: s.Stamps[contract.AnnotationSource], Unit: s.Unit.String(),
	}
}

// do applies a plan to the live objects.
func do(t fataler, live Live, p Plan, memo *Memo) {
	for i, s := range p.Steps {
		if s.Action == Delete {
			delete(live, s.ID)
			memo.Wrote(Outcome{Step: s})
			continue
		}
		o := applied(t, s, len(live)*100+i)
		live[s.ID] = &o
		memo.Wrote(Outcome{Step: s, Object: o})
	}
}

func steps(p Plan) string {
	var out []string
	for _, s := range p.Steps {
		out = append(out, s.Action.String()+" "+s.ID.Kind+" "+s.ID.Name)
	}
	return strings.Join(out, ", ")
}

func TestMake_WorkBeforeTraffic_RoutesGoFirst(t *testing.T) {
	in := Input{
		Manifests: []manifest.Manifest{made(t, id("VirtualService", "b"), "1"), made(t, id("Deployment", "b"), "1")},
		Live:      Live{}, Now: noon,
	}
	p := Make(in)
	if got, want := steps(p), "create Deployment b, create VirtualService b"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	do(t, in.Live, p, nil)
	p = Make(Input{Live: in.Live, Now: noon, Policy: Policy{Confirmed: true}})
	if got, want := steps(p), "delete VirtualService b, delete Deployment b"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestMake_ADeletionWithinTheGraceIsHeld(t *testing.T) {
	live := Live{}
	do(t, live, Make(Input{Manifests: []manifest.Manifest{made(t, id("Deployment", "a"), "1")}, Live: live}), nil)
	first := Make(Input{Live: live, Now: noon, Policy: DefaultPolicy()})
	if len(first.Steps) != 0 || len(first.Holds) != 1 || first.Holds[0].Wait != time.Minute {
		t.Fatalf("%+v", first)
	}
	second := Make(Input{Live: live, Now: noon.Add(59 * time.Second), Orphans: first.Orphans, Policy: DefaultPolicy()})
	if len(second.Steps) != 0 || second.Holds[0].Wait != time.Second {
		t.Fatalf("%+v", second)
	}
	third := Make(Input{Live: live, Now: noon.Add(time.Minute), Orphans: second.Orphans, Policy: DefaultPolicy()})
	if steps(third) != "delete Deployment a" {
		t.Fatalf("%+v", third)
	}
}

func TestMake_ObjectsThatAreNotOursAreNeverPruned(t *testing.T) {
	foreign := Object{ID: id("Deployment", "x"), Ours: false}
	if p := Make(Input{Live: Live{foreign.ID: &foreign}, Now: noon}); len(p.Steps)+len(p.Holds) > 0 {
		t.Errorf("%+v", p)
	}
}

func TestMake_SecretsAreMasked(t *testing.T) {
	live := Live{}
	do(t, live, Make(Input{Manifests: []manifest.Manifest{made(t, id("Secret", "s"), "old-password")}, Live: live}), nil)
	p := Make(Input{Manifests: []manifest.Manifest{made(t, id("Secret", "s"), "new-password")}, Live: live})
	if len(p.Steps) != 1 || len(p.Steps[0].Changes) == 0 {
		t.Fatalf("%+v", p)
	}
	for _, c := range p.Steps[0].Changes {
		if strings.Contains(c.String(), "password") {
			t.Errorf("a secret is shown: %s", c)
		}
	}
}

func TestMemo_AFormThatTheServerChangesIsHealedOnce(t *testing.T) {
	live, memo := Live{}, NewMemo()
	in := Input{Manifests: []manifest.Manifest{made(t, id("Deployment", "a"), "Value")}, Live: live, Memo: memo}
	p := Make(in)
	o := applied(t, p.Steps[0], 1)
	o.JSON = []byte(strings.ReplaceAll(string(o.JSON), "Value", "value"))
	live[o.ID] = &o
	memo.Wrote(Outcome{Step: p.Steps[0], Object: o})
	o.ResourceVersion = "2" // its status changed
	live[o.ID] = &o
	if p := Make(in); len(p.Steps) > 0 {
		t.Errorf("healed for ever: %v", p.Steps)
	}
	in.Memo = NewMemo() // a restart
	p = Make(in)
	if steps(p) != "heal Deployment a" {
		t.Fatalf("%v", steps(p))
	}
	in.Memo.Wrote(Outcome{Step: p.Steps[0], Object: o})
	o.ResourceVersion = "3"
	live[o.ID] = &o
	if p := Make(in); len(p.Steps) > 0 {
		t.Errorf("healed twice: %v", p.Steps)
	}
}

// state draws what the repository may describe at one time.
func state(t *rapid.T) []manifest.Manifest {
	var out []manifest.Manifest
	for _, kind := range []string{"Deployment", "VirtualService", "Secret"} {
		for _, name := range []string{"a", "b", "c"} {
			if v := rapid.SampledFrom([]string{"", "1", "2"}).Draw(t, kind+name); v != "" {
				out = append(out, made(t, id(kind, name), v))
			}
		}
	}
	return out
}

func TestMake_APlanThatWasDoneLeavesNothingToDo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		live, memo := Live{}, NewMemo()
		var last []manifest.Manifest
		for range 3 {
			last = state(t)
			do(t, live, Make(Input{Manifests: last, Live: live, Memo: memo, Now: noon, Policy: Policy{Confirmed: true}}), memo)
		}
		if p := Make(Input{Manifests: last, Live: live, Memo: memo, Now: noon, Policy: Policy{Confirmed: true}}); len(p.Steps) > 0 {
			t.Errorf("with a memo: %v", p.Steps)
		}
		if p := Make(Input{Manifests: last, Live: live, Now: noon, Policy: Policy{Confirmed: true}}); len(p.Steps) > 0 {
			t.Errorf("without a memo: %v", p.Steps)
		}
		if len(live) != len(last) {
			t.Errorf("%d live objects, %d described", len(live), len(last))
		}
	})
}

func TestMake_WhatABrokenRepositoryDescribedIsNeverPruned(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		live := Live{}
		do(t, live, Make(Input{Manifests: state(t), Live: live, Now: noon}), nil)
		broken := Broken{Units: map[schema.Identity]bool{unit("a"): true}, Files: map[string]bool{"b.yaml": true}}
		p := Make(Input{Live: live, Now: noon, Broken: broken, Policy: Policy{Confirmed: true}})
		for _, s := range p.Steps {
			if s.ID.Name == "a" || s.ID.Name == "b" {
				t.Errorf("%v", s)
			}
			if s.ID.Name == "c" {
				t.Errorf("c.yaml is gone and b.yaml cannot be read: %v", s)
			}
		}
	})
}

func TestAction_SurvivesJSON(t *testing.T) {
	for a := Create; a <= Delete; a++ {
		b, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		var back Action
		if err := json.Unmarshal(b, &back); err != nil || back != a {
			t.Errorf("%s: %v, %v", b, back, err)
		}
	}
}
