package render

import (
	"fmt"
	"strings"
	"time"

	"github.com/sluice-dev/sluice/engine/history"
	"github.com/sluice-dev/sluice/engine/rollout"
	"github.com/sluice-dev/sluice/schema/desired"
)

// Routing is who answers for a route, as decided from what the repository
// asks and what the cluster can.
type Routing struct {
	Namespace string `json:"namespace"`
	Route     string `json:"route"`
	// Shares sum to 100 percent. Empty: nothing can take traffic yet, or what
	// there is stays until everything asked for is ready.
	Shares []Share `json:"shares,omitempty"`
	// LatestReady is what "latest" means, by configuration.
	LatestReady map[string]string `json:"latestReady,omitempty"`
	// RefReady is the same for Git refs, by gitRef.
	RefReady map[string]string `json:"refReady,omitempty"`
	// Rollouts is how far shares have moved, by share; Due is when the next of
	// them goes on. Held says which revision was found worse, and why.
	Rollouts map[string]rollout.State `json:"rollouts,omitempty"`
	Due      time.Time                `json:"due,omitzero"`
	Held     string                   `json:"held,omitempty"`
	// Previews is the revision that each preview's tag means.
	Previews map[string]string `json:"previews,omitempty"`
	// Named are the revisions that targets name, ready or not.
	Named []string `json:"named,omitempty"`
	// Waiting says what the route waits for; empty if it is as asked.
	Waiting string `json:"waiting,omitempty"`
	// domains are further hosts of the route.
	domains []desired.Domain
	// revive are revisions that only history knows: the cluster has lost them.
	revive []desired.Workload
}

// Share is what one revision gets.
type Share struct {
	Revision string `json:"revision"`
	// Percent of the route's requests, 0 to 100.
	Percent int64 `json:"percent"`
	// Tag gives the revision a host of its own.
	Tag string `json:"tag,omitempty"`
	// Latest is true where the share follows a configuration.
	Latest bool `json:"latest,omitempty"`
	// Preview is the Git ref whose preview it is.
	Preview string `json:"preview,omitempty"`
}

// resolve decides a route's traffic. A revision that never was ready gets no
// share: a share that follows a configuration stays with the revision that
// was ready before; any other makes the whole route stay as it is.
func resolve(u Unit, r desired.Route, res *Result) Routing {
	out := Routing{Namespace: r.Namespace, Route: r.Name, LatestReady: map[string]string{}}
	var waiting []string
	held := false
	for _, t := range r.Targets {
		shares, wait, ok := out.shares(u, r, t, res)
		if wait != "" {
			waiting = append(waiting, wait)
		}
		switch {
		case ok:
			out.Shares = append(out.Shares, shares...)
		case t.Percent > 0:
			held = true
		}
	}
	if held {
		out.Shares = nil
	}
	out.Waiting = strings.Join(waiting, "; ")
	return out
}

// shares resolves one target: to one share, or to several while it moves from
// one revision to the next.
func (out *Routing) shares(u Unit, r desired.Route, t desired.Target, res *Result) (shares []Share, wait string, ok bool) {
	if rolls(r, t) {
		return out.rolling(u, r, t, res)
	}
	share, wait, ok := out.target(u, r, t, res)
	return []Share{share}, wait, ok
}

// target resolves one target to a share; wait says what it waits for.
func (out *Routing) target(u Unit, r desired.Route, t desired.Target, res *Result) (s Share, wait string, ok bool) {
	s = Share{Percent: t.Percent, Tag: t.Tag}
	switch {
	case t.GitRef != "":
		return out.ref(u, r, t, s, res)
	case t.Revision != "":
		return out.pinned(u, r, t, s, res)
	default:
		return out.latest(u, r, t, s, res)
	}
}

// latest follows a configuration.
func (out *Routing) latest(u Unit, r desired.Route, t desired.Target, s Share, res *Result) (Share, string, bool) {
	s.Latest = true
	before := u.Facts.Routed[r.Name].LatestReady[t.Configuration]
	newest, described := u.Latest[t.Configuration]
	if !described {
		res.Problems = append(res.Problems, Trouble{t.Path, fmt.Sprintf(
			"configuration %q is described nowhere in namespace %s: add it, or name another", t.Configuration, r.Namespace)})
		return s, "", false
	}
	fact := u.Facts.Revisions[newest.Revision]
	if fact.Ready {
		s.Revision = newest.Revision
		out.LatestReady[t.Configuration] = newest.Revision
		return s, "", true
	}
	wait := fmt.Sprintf("revision %s is not ready%s", newest.Revision, because(fact))
	if _, exists := u.Facts.Revisions[before]; before == "" || !exists {
		return s, wait, false
	}
	s.Revision = before
	out.LatestReady[t.Configuration] = before
	return s, wait + "; traffic stays on " + before, true
}

// pinned is a target that names its revision.
func (out *Routing) pinned(u Unit, r desired.Route, t desired.Target, s Share, res *Result) (Share, string, bool) {
	name, revived, found := u.find(r, t)
	if !found {
		res.Problems = append(res.Problems, Trouble{t.Path, u.neverWas(r, t)})
		return s, "", false
	}
	if revived != nil && revived.Template.Build != "" {
		res.Problems = append(res.Problems, Trouble{t.Path, fmt.Sprintf("revision %q was built, and the cluster has it no more: write `gitRef: COMMIT` in its place, with the commit that `sluice history` prints, and it is built again", t.Revision)})
		return s, "", false
	}
	s.Revision = name
	out.Named = append(out.Named, name)
	if revived != nil {
		out.revive = append(out.revive, *revived)
	}
	if fact := u.Facts.Revisions[name]; !fact.Ready {
		return s, fmt.Sprintf("revision %s is not ready%s", name, because(fact)), false
	}
	return s, "", true
}

// find turns a full name or an alias into a full name, and gives the workload
// where only the history has it.
func (u Unit) find(r desired.Route, t desired.Target) (name string, revive *desired.Workload, found bool) {
	if _, ok := u.Facts.Revisions[t.Revision]; ok {
		return t.Revision, nil, true
	}
	if w, ok := u.known(t.Revision); ok {
		return w.Revision, nil, true
	}
	for _, configuration := range configurationsOf(u, r, t) {
		rev, ok := u.Lines[configuration].Find(t.Revision)
		if !ok {
			continue
		}
		if _, live := u.Facts.Revisions[rev.Name]; live {
			return rev.Name, nil, true
		}
		return rev.Name, &rev.Workload, true
	}
	return "", nil, false
}

// neverWas is the text for a revision that is nowhere.
func (u Unit) neverWas(r desired.Route, t desired.Target) string {
	for _, configuration := range configurationsOf(u, r, t) {
		line := u.Lines[configuration]
		if n := len(line.Revisions); n > 0 {
			return fmt.Sprintf("revision %q never was: %s has revisions %s to %s (`sluice history %s` lists them)",
				t.Revision, configuration, history.Alias(configuration, 1), history.Alias(configuration, n), configuration)
		}
	}
	return fmt.Sprintf("revision %q never was: write a name that `sluice history` lists, or latestRevision: true", t.Revision)
}

func because(f Fact) string {
	switch {
	case f.Reason != "" && f.Message != "":
		return ": " + f.Reason + ": " + f.Message
	case f.Reason != "" || f.Message != "":
		return ": " + f.Reason + f.Message
	}
	return " yet"
}
