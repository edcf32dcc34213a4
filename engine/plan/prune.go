package plan

import (
	"fmt"
	"time"

	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/schema"
)

// prune adds a step or a hold for every live object that nothing describes.
// The brake counts the units that are newly gone: what was let through once
// runs out its grace whatever the next commit says.
func prune(in Input, wanted map[manifest.ID]bool, p *Plan) {
	var orphans []Object
	units := map[string]bool{}
	for id, live := range in.Live {
		if !live.Ours {
			continue
		}
		units[live.Unit] = true
		if !wanted[id] && !in.Keep[id] && !live.Terminating {
			orphans = append(orphans, live)
		}
	}
	gone := map[string]bool{}
	var due []Object
	for _, live := range orphans {
		if reason := in.Broken.protects(live); reason != "" {
			p.Holds = append(p.Holds, Hold{ID: live.ID, Reason: reason})
			continue
		}
		if _, released := in.Orphans[live.ID]; !released {
			gone[live.Unit] = true
		}
		due = append(due, live)
	}
	braked := in.Policy.brakes(len(gone), len(units))
	for _, live := range due {
		if braked && gone[live.Unit] {
			p.Holds = append(p.Holds, Hold{ID: live.ID, Reason: brakeText(len(gone), len(units))})
			continue
		}
		pruneOne(in, live, p)
	}
}

// pruneOne deletes a route at once and everything else after the grace, so
// that a revert within it finds every workload as it was.
func pruneOne(in Input, live Object, p *Plan) {
	since, ok := in.Orphans[live.ID]
	if !ok {
		since = in.Now
	}
	p.Orphans[live.ID] = since
	wait := in.Policy.Grace - in.Now.Sub(since)
	if manifest.StageOf(live.ID) == manifest.Traffic {
		wait = 0
	}
	if wait > 0 {
		p.Holds = append(p.Holds, Hold{ID: live.ID, Wait: wait, Reason: fmt.Sprintf(
			"no longer described; will be deleted in %s unless the deletion is reverted", wait.Round(time.Second))})
		return
	}
	p.Steps = append(p.Steps, Step{
		Action: Delete, ID: live.ID, Live: live, Unit: unitOf(live),
		Reason: "no longer described by the repository",
	})
}

// protects says why a broken repository keeps a live object; empty if not.
func (b Broken) protects(live Object) string {
	if b.Units[unitOf(live)] {
		return "kept as it was: its spec has errors"
	}
	if b.Files[live.Source] {
		return fmt.Sprintf("kept as it was: %q cannot be read", live.Source)
	}
	if len(b.Files) > 0 && live.Source != "" && !b.Paths[live.Source] {
		return fmt.Sprintf("kept as it was: %q is gone, but a file that cannot be read may describe it now", live.Source)
	}
	return ""
}

// brakes reports whether that many units at once need a confirmation.
func (p Policy) brakes(gone, all int) bool {
	return !p.Confirmed && gone > p.MinPrune && float64(gone) > p.MaxPrune*float64(all)
}

func brakeText(gone, all int) string {
	return fmt.Sprintf("kept: this commit deletes %d of %d specs; to confirm, push a commit whose message has the line `Sluice-Prune: confirm`", gone, all)
}

// unitOf is the identity that was stamped on a live object.
func unitOf(live Object) schema.Identity { return schema.ParseIdentity(live.Unit) }
