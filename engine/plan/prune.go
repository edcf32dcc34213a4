package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/schema"
)

// prune adds a step or a hold for every live object that nothing describes.
// The brake counts the units that are newly gone: what was let through once
// runs out its grace whatever the next commit says.
func prune(in Input, wanted map[manifest.ID]bool, p *Plan) {
	var orphans []Object
	for id, live := range in.Live {
		if live.Ours && !wanted[id] && !live.Terminating && (in.Keep == nil || !in.Keep(live)) {
			orphans = append(orphans, *live)
		}
	}
	if len(orphans) == 0 {
		return
	}
	described := map[string]bool{}
	for i := range in.Manifests {
		described[in.Manifests[i].Unit.String()] = true
	}
	gone := map[string]bool{}
	var due []Object
	for _, live := range orphans {
		_, released := in.Orphans[live.ID]
		if reason := in.Broken.protects(live, released); reason != "" {
			h := hold(live, reason)
			h.Broken = true
			p.Holds = append(p.Holds, h)
			continue
		}
		if !released && !described[live.Unit] {
			gone[live.Unit] = true
		}
		due = append(due, live)
	}
	all := units(in)
	braked := in.Policy.brakes(len(gone), all)
	for _, live := range due {
		if braked && gone[live.Unit] {
			p.Holds = append(p.Holds, hold(live, brakeText(len(gone), all)))
			continue
		}
		pruneOne(in, live, p)
	}
}

// units is how many specs have objects in the cluster, beside those that an
// earlier commit deleted: their objects only run out their grace.
func units(in Input) int {
	all := map[string]bool{}
	for id, o := range in.Live {
		if _, released := in.Orphans[id]; o.Ours && !released {
			all[o.Unit] = true
		}
	}
	return len(all)
}

// busyAgain is when a busy object is looked at again, though nobody has said that
// it has changed.
const busyAgain = 30 * time.Second

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
		h := hold(live, fmt.Sprintf("no longer described; will be deleted in %s unless the deletion is reverted", wait.Round(time.Second)))
		h.Wait = wait
		p.Holds = append(p.Holds, h)
		return
	}
	if in.Busy != nil {
		if doing := in.Busy(&live); doing != "" {
			h := hold(live, "no longer described; will be deleted as soon as "+doing)
			h.Wait = busyAgain
			p.Holds = append(p.Holds, h)
			return
		}
	}
	p.Steps = append(p.Steps, Step{
		Action: Delete, ID: live.ID, Live: live, Unit: unitOf(live),
		Reason: "no longer described by the repository",
	})
}

func hold(live Object, reason string) Hold {
	return Hold{ID: live.ID, Unit: unitOf(live), File: live.Source, Reason: reason}
}

// protects says why a broken repository keeps a live object; empty if not.
// What an earlier commit released was described by no file of that one: it
// has not moved into what cannot be read now.
func (b Broken) protects(live Object, released bool) string {
	switch {
	case b.Units[unitOf(live)]:
		return "kept as it was: its spec has errors"
	case live.Source == "":
		return ""
	case b.Silent[live.Source]:
		return fmt.Sprintf("kept as it was: %q describes nothing of it any more; delete the file, or the document in it, to delete what it described", live.Source)
	}
	if file, ok := b.unread(live.Source); ok {
		return fmt.Sprintf("kept as it was: %q cannot be read", file)
	}
	if len(b.Files) > 0 && !b.Paths[live.Source] && !released {
		return fmt.Sprintf("kept as it was: %q is gone, but %s may describe it now", live.Source, b.anyFile())
	}
	return ""
}

// unread is the path that cannot be read and that source is, or is below.
func (b Broken) unread(source string) (file string, ok bool) {
	for end := len(source); end > 0; end = strings.LastIndexByte(source[:end], '/') {
		if b.Files[source[:end]] {
			return source[:end], true
		}
	}
	return "", false
}

// anyFile names what cannot be read: the first, and how many more.
func (b Broken) anyFile() string {
	first := slices.Min(slices.Collect(maps.Keys(b.Files)))
	if more := len(b.Files) - 1; more > 0 {
		return fmt.Sprintf("%q or one of %d more files that cannot be read", first, more)
	}
	return fmt.Sprintf("%q, which cannot be read,", first)
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
