package render

import (
	"fmt"
	"time"

	"github.com/sluice-dev/sluice/engine/rollout"
	"github.com/sluice-dev/sluice/schema/desired"
)

// rolling follows a configuration step by step: while the newest revision
// takes over, there is a share for each revision that still has a part.
func (out *Routing) rolling(u Unit, r desired.Route, t desired.Target, res *Result) (shares []Share, wait string, ok bool) {
	newest, described := u.Latest[t.Configuration]
	if !described {
		_, wait, ok = out.latest(u, r, t, Share{}, res)
		return nil, wait, ok
	}
	before := u.recorded(r, t)
	state := before.Next(rollout.Input{
		Want: newest.Revision, Percent: t.Percent, Rollout: r.Rollout, Now: u.Now,
		Ready: func(name string) bool { return u.Facts.Revisions[name].Ready },
		Worse: u.Worse[before.Newest()],
	})
	if out.Rollouts == nil {
		out.Rollouts = map[string]rollout.State{}
	}
	out.Rollouts[shareKey(t)] = state
	if len(state.Parts) == 0 {
		return nil, fmt.Sprintf("revision %s is not ready%s", newest.Revision, because(u.Facts.Revisions[newest.Revision])), false
	}
	out.LatestReady[t.Configuration] = state.Newest()
	for _, p := range state.Parts {
		shares = append(shares, Share{Revision: p.Revision, Percent: p.Percent, Latest: true})
	}
	shares[len(shares)-1].Tag = t.Tag
	return shares, out.progress(u, newest.Revision, state), true
}

// progress says what a rolling share waits for, and when it goes on.
func (out *Routing) progress(u Unit, want string, state rollout.State) string {
	newest := state.Newest()
	if state.Moving() {
		out.Due = earliest(out.Due, state.Due)
	}
	switch {
	case state.Held != nil:
		out.Held = fmt.Sprintf("revision %s is on hold: %s; it gets no requests until another template comes; traffic is back on %s", want, state.Held.Why, newest)
		return out.Held
	case want != newest:
		return fmt.Sprintf("revision %s is not ready%s; traffic stays on %s", want, because(u.Facts.Revisions[want]), newest)
	case state.Moving():
		return fmt.Sprintf("revision %s has %d %% of the requests so far; the rest follows in steps", newest, state.Parts[len(state.Parts)-1].Percent)
	}
	return ""
}

// recorded is how far a share has moved, as its VirtualService says. A share
// that moves in steps for the first time is wholly where "latest" was.
func (u Unit) recorded(r desired.Route, t desired.Target) rollout.State {
	routed := u.Facts.Routed[r.Name]
	if state, ok := routed.Rollouts[shareKey(t)]; ok {
		return state
	}
	before := routed.LatestReady[t.Configuration]
	if before == "" {
		return rollout.State{}
	}
	return rollout.State{Parts: []rollout.Part{{Revision: before, Percent: t.Percent}}, Served: []string{before}}
}

// shareKey names a share of a route that follows a configuration.
func shareKey(t desired.Target) string { return t.Configuration + "/" + t.Tag }

// rolls reports whether a target moves in steps: one that follows a
// configuration and has more than the one percent that a step is at least.
func rolls(r desired.Route, t desired.Target) bool {
	return t.Configuration != "" && t.Percent > 1 && !r.Rollout.IsZero()
}

// earliest is the earlier of two times of which either may be none.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
