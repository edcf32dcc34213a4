package engine

import (
	"slices"
	"strings"

	"github.com/sluice-dev/sluice/engine/rollout"
	"github.com/sluice-dev/sluice/engine/status"
)

// rollouts are a unit's shares that move in steps, or are held back.
func rollouts(u *unit) []status.Rollout {
	var out []status.Rollout
	for _, routing := range u.result.Routes {
		for _, s := range routing.Rollouts {
			if r, ok := moving(s); ok {
				out = append(out, r)
			}
		}
	}
	slices.SortFunc(out, func(a, b status.Rollout) int { return strings.Compare(a.Revision, b.Revision) })
	return out
}

func moving(s rollout.State) (status.Rollout, bool) {
	if s.Held != nil {
		return status.Rollout{Revision: s.Held.Revision, Held: s.Held.Why}, true
	}
	if !s.Moving() {
		return status.Rollout{}, false
	}
	return status.Rollout{Revision: s.Newest(), Percent: s.Parts[len(s.Parts)-1].Percent, Next: s.Due}, true
}

// held is why a revision of the unit gets no requests; empty if none is held.
func held(u *unit) string {
	for _, routing := range u.result.Routes {
		if routing.Held != "" {
			return routing.Held
		}
	}
	return ""
}

// heldShares are a unit's shares of which a revision is held back, but for
// those of previews, whose commits are not the branch's.
func heldShares(u *unit) map[string]rollout.State {
	out := map[string]rollout.State{}
	for _, routing := range u.result.Routes {
		for share, s := range routing.Rollouts {
			if s.Held != nil && len(s.Parts) > 0 {
				out[share] = s
			}
		}
	}
	return out
}

// configurationOf is the configuration that a share follows.
func configurationOf(share string) string {
	configuration, _, _ := strings.Cut(share, "/")
	return configuration
}
