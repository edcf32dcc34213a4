package render

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/sluice-dev/sluice/engine/rollout"
	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

// Preview is a revision of the unit's Service that a Git ref beside the trusted
// branch describes.
type Preview struct {
	// Ref is the full name of the reference.
	Ref string
	// Tag is where the revision is reached.
	Tag string
	// Workload is the revision.
	Workload desired.Workload
	// Percent is what it gets of the route's requests.
	Percent int64
	// Waits: its image is not built yet; until then it is not made.
	Waits bool
}

// previewed are the previews whose revisions are to be made. One that the
// cluster has because the trusted branch described it is the branch's.
func (u Unit) previewed() []Preview {
	return slices.DeleteFunc(slices.Clone(u.Previews), func(p Preview) bool {
		fact, there := u.Facts.Revisions[p.Workload.Revision]
		return there && fact.Preview == ""
	})
}

// renderPreviews adds the revisions of previews, each once.
func renderPreviews(res *Result, u Unit, c Config, rendered map[string]bool) error {
	for _, p := range u.previewed() {
		if rendered[p.Workload.Revision] || p.Waits {
			continue
		}
		rendered[p.Workload.Revision] = true
		w, known, err := u.Images.resolved(p.Workload)
		if err != nil {
			return err
		}
		if p.Workload = w; !known {
			continue
		}
		if err := add(res, u, c)(p.deployment(c)); err != nil {
			return err
		}
	}
	return nil
}

// deployment is that of a revision that is only previewed: it begins with one
// pod at most, and keeps none that no request asks for.
func (p Preview) deployment(c Config) (built, error) {
	b, err := deployment(p.Workload, c)
	if err != nil {
		return b, err
	}
	annotations := b.meta.GetAnnotations()
	delete(annotations, annotationMin)
	if byHPA(p.Workload.Template) { // which has no zero: on its requests, then
		for _, key := range []string{annotationClass, annotationMetric, annotationTarget} {
			delete(annotations, key)
		}
	}
	annotations[contract.AnnotationPreview] = p.Ref
	b.meta.SetAnnotations(annotations)
	if b.replicas != nil && *b.replicas > 1 {
		b.replicas = nil
	}
	return b, nil
}

// preview adds a share for each preview that is ready. Until a newer one of
// the same ref is, the tag stays where it was. What previews get of the
// requests is taken from all other shares alike.
func (out *Routing) preview(u Unit, r desired.Route) {
	if len(out.Shares) == 0 {
		return
	}
	if u.Unread {
		out.unread(u, r)
		return
	}
	var shares []Share
	taken := int64(0)
	for _, p := range u.Previews {
		name := p.Workload.Revision
		if !u.Facts.Revisions[name].Ready {
			name = u.Facts.Routed[r.Name].Previews[p.Tag]
		}
		if !u.Facts.Revisions[name].Ready {
			continue
		}
		percent := out.watched(u, r, p, name)
		taken += percent
		if out.Previews == nil {
			out.Previews = map[string]string{}
		}
		out.Previews[p.Tag] = name
		shares = append(shares, Share{Revision: name, Percent: percent, Tag: p.Tag, Preview: p.Ref})
	}
	yield(out.Shares, taken)
	out.Shares = append(out.Shares, shares...)
}

// unread keeps the tags that previews have, until it is known which there are.
func (out *Routing) unread(u Unit, r desired.Route) {
	before := u.Facts.Routed[r.Name].Previews
	for _, tag := range slices.Sorted(maps.Keys(before)) {
		if !u.Facts.Revisions[before[tag]].Ready {
			continue
		}
		if out.Previews == nil {
			out.Previews = map[string]string{}
		}
		out.Previews[tag] = before[tag]
		out.Shares = append(out.Shares, Share{Revision: before[tag], Tag: tag, Preview: u.Facts.Revisions[before[tag]].Preview})
	}
}

// watched is what a preview gets: nothing from when it was found to answer
// worse, until another template comes.
func (out *Routing) watched(u Unit, r desired.Route, p Preview, name string) int64 {
	if p.Percent == 0 {
		return 0
	}
	key := "preview/" + p.Tag
	held := u.Facts.Routed[r.Name].Rollouts[key].Held
	if why := u.Worse[name]; why != "" && (held == nil || held.Revision != name) {
		held = &rollout.Held{Revision: name, Why: why, At: u.Now.UTC().Truncate(time.Second)}
	}
	if held == nil || held.Revision != name {
		return p.Percent
	}
	if out.Rollouts == nil {
		out.Rollouts = map[string]rollout.State{}
	}
	out.Rollouts[key] = rollout.State{Held: held}
	return 0
}

// yield takes percents from shares in proportion to what they have; what does
// not divide evenly is taken from the largest. They sum to 100 before.
func yield(shares []Share, percents int64) {
	all := int64(0)
	for i := range shares {
		all += shares[i].Percent
	}
	if percents = min(percents, all); percents <= 0 {
		return
	}
	left := percents
	for i := range shares {
		n := shares[i].Percent * percents / 100
		shares[i].Percent -= n
		left -= n
	}
	bySize := make([]*Share, 0, len(shares))
	for i := range shares {
		bySize = append(bySize, &shares[i])
	}
	slices.SortStableFunc(bySize, func(a, b *Share) int { return -cmp.Compare(a.Percent, b.Percent) })
	for i := 0; left > 0 && len(bySize) > 0; i = (i + 1) % len(bySize) {
		if bySize[i].Percent > 0 {
			bySize[i].Percent--
			left--
		}
	}
}
