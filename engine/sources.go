package engine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sluice-dev/sluice/engine/build"
	"github.com/sluice-dev/sluice/engine/status"
	"github.com/sluice-dev/sluice/schema/desired"
)

// find is a revision or a source by its key.
func (c cluster) find(key revisionKey) (*revision, bool) {
	for _, r := range c.sources {
		if r.key == key {
			return r, true
		}
	}
	r, ok := c.names()[key]
	return r, ok
}

// source is the state of a unit that brings events, or keeps them: that of its
// Deployments.
// Unlike a revision, which may sleep, a source that does not run loses what
// happens meanwhile.
func (s summarizer) source(u *unit) (status.State, string) {
	what := "its source"
	if paused(u) {
		return status.Ready, "it is paused: consumers is 0"
	}
	if len(u.nouns.Buses) > 0 {
		what = "its dispatcher"
	}
	for i := range u.result.Manifests {
		id := u.result.Manifests[i].ID
		if id.KindOf() == build.JobKind {
			if state, reason := s.started(u, id); state != status.Ready {
				return state, reason
			}
		}
		if id.Kind != "Deployment" {
			continue
		}
		r, there := s.cluster.find(revisionKey{id.Namespace, id.Name})
		switch {
		case !there:
			return status.Progressing, what + " is being started"
		case r.serving:
		case r.reason != "":
			return status.Failed, what + " does not run: " + located(u, troubleText(r))
		default:
			return status.Progressing, what + " does not run yet; what it waits for is in its log: kubectl -n " + id.Namespace + " logs deployment/" + id.Name
		}
	}
	return status.Ready, ""
}

// paused reports whether a source is asked to do nothing.
func paused(u *unit) bool {
	return slices.ContainsFunc(u.nouns.Emitters, func(m desired.Emitter) bool { return m.Replicas != nil && *m.Replicas == 0 })
}

// located puts file, line and column before the field that a source's last words
// are about.
func located(u *unit, text string) string {
	var at []desired.Place
	for _, f := range u.nouns.Feeds {
		at = append(at, f.SecretAt)
	}
	for _, m := range u.nouns.Emitters {
		at = append(at, m.SecretAt)
	}
	for _, p := range at {
		if before, after, found := strings.Cut(text, p.Path+": "); found && p.Path != "" {
			return fmt.Sprintf("%s%s:%d:%d: %s: %s", before, u.entry.File, p.Line, p.Column, p.Path, after)
		}
	}
	return text
}
