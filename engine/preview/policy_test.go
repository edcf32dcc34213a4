package preview_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"
	"pgregory.net/rapid"

	"github.com/sluice-dev/sluice/engine/preview"
)

func TestOrder_TheNewestPullRequestsComeFirst(t *testing.T) {
	refs := []string{"refs/pull/9/head", "refs/heads/preview/a", "refs/pull/10/head", "refs/pull/100/head", "refs/heads/preview/b"}
	preview.Order(refs)
	want := []string{"refs/pull/100/head", "refs/pull/10/head", "refs/pull/9/head", "refs/heads/preview/b", "refs/heads/preview/a"}
	if !slices.Equal(refs, want) {
		t.Errorf("got %v", refs)
	}
}

func TestTag_IsThePartOfTheRefThatPeopleKnow(t *testing.T) {
	for ref, want := range map[string]string{
		"refs/heads/preview/new-cart": "new-cart", "refs/pull/7/head": "pr-7", "refs/merge-requests/12/head": "mr-12",
		"refs/heads/preview/Feature/X_1": "feature-x-1", "refs/heads/preview/7up": "p-7up", "refs/heads/preview/--": "p",
		"refs/heads/topic/x": "topic-x",
	} {
		if got := preview.Tag(ref, "cart"); got != want {
			t.Errorf("%s: got %s, want %s", ref, got, want)
		}
	}
}

func TestTag_AlwaysFitsIntoAHost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ref := "refs/heads/preview/" + rapid.StringN(1, 100, 200).Draw(t, "ref")
		service := rapid.StringMatching(`[a-z]([a-z0-9-]{0,50}[a-z0-9])?`).Draw(t, "service")
		for _, tag := range []string{preview.Tag(ref, service), preview.Another(ref, service)} {
			if bad := validation.IsDNS1035Label(tag + "-" + service); len(bad) > 0 {
				t.Fatalf("%q: %v", tag, bad)
			}
		}
	})
}

func TestPolicy_StaysWithinTheInstallation(t *testing.T) {
	p := preview.Policy{Most: 5000, Percent: 90, TTL: 1000 * 24 * time.Hour}.Within(preview.Limits{Most: 20, Percent: 10})
	if p.Most != 20 || p.Percent != 10 || p.TTL != 30*24*time.Hour {
		t.Errorf("got %+v", p)
	}
	if none := (preview.Policy{Most: 5}).Within(preview.Limits{Most: -1}); none.Most != 0 {
		t.Errorf("none: %+v", none)
	}
}

func TestPolicy_WhatAnybodyMayPushNeedsASignatureOrAPlaceInTheList(t *testing.T) {
	p := preview.Policy{Allow: []string{"refs/pull/7/head"}}
	if why := p.Admits("refs/pull/8/head", false); !strings.Contains(why, "previews.allow") {
		t.Errorf("8: %s", why)
	}
	for _, ref := range []string{"refs/pull/7/head", "refs/heads/preview/x"} {
		if why := p.Admits(ref, false); why != "" {
			t.Errorf("%s: %s", ref, why)
		}
	}
	if why := p.Admits("refs/pull/8/head", true); why != "" || !p.NeedsSignature("refs/pull/8/head") {
		t.Errorf("8 with signers: %s", why)
	}
}

func TestPolicy_ASharesSumIsBounded(t *testing.T) {
	p := preview.Policy{Percent: 20}
	if got, note := p.Permit(15, 0); got != 15 || note != "" {
		t.Errorf("first: %d %s", got, note)
	}
	if got, note := p.Permit(15, 15); got != 5 || !strings.Contains(note, "15 % of the requests and gets 5 %") {
		t.Errorf("second: %d %s", got, note)
	}
	if got, _ := p.Permit(15, 30); got != 0 {
		t.Errorf("third: %d", got)
	}
}

func TestPace_ALoopIsLookedAtNowAndThen(t *testing.T) {
	var p preview.Pace
	now := time.Unix(0, 0)
	looks := 0
	for range 600 { // a minute of ten rewrites a second
		var ok bool
		if p, _, ok = p.Take(now); ok {
			looks++
		}
		now = now.Add(100 * time.Millisecond)
	}
	if looks < 9 || looks > 11 {
		t.Errorf("%d looks", looks)
	}
	_, wait, ok := p.Take(now)
	if ok || wait <= 0 || wait > 10*time.Second {
		t.Errorf("wait %s, %t", wait, ok)
	}
}
