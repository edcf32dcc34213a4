package plan

import (
	"maps"
	"slices"
	"time"

	"github.com/sluice-dev/sluice/engine/diff"
	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/contract"
)

// Input is everything a plan depends on. Equal input gives an equal plan.
type Input struct {
	// Manifests is what should be, in any order; no two of one ID.
	Manifests []manifest.Manifest
	// Live is what is.
	Live Live
	// Keep says which of our live objects stay as they are although no manifest
	// names them: retained revisions, and routes whose new traffic is not ready.
	// It is asked of such objects only; nil keeps none.
	Keep func(*Object) bool
	// Busy says what an object that is to be deleted is still doing, and what it
	// may not be deleted before; "" is nothing, and so is a nil Busy.
	Busy func(*Object) string
	// Commit is stamped on what is written.
	Commit string
	// Broken says what of the repository could not be understood.
	Broken Broken
	// Memo remembers what has been compared before. It changes how long a plan
	// takes, never what it says; nil is allowed.
	Memo *Memo
	// Now and Orphans give prunes their grace: since when each object has been
	// described by nothing.
	Now     time.Time
	Orphans map[manifest.ID]time.Time
	// Policy bounds pruning.
	Policy Policy
}

// Broken is what the repository's problems protect from pruning.
type Broken struct {
	// Units are specs whose document has errors.
	Units map[schema.Identity]bool
	// Files are paths that could not be read to the end. One may be a folder:
	// then it stands for all below it.
	Files map[string]bool
	// Silent are paths that describe nobody, such as a file that was emptied.
	Silent map[string]bool
	// Paths are all paths of the commit. While any file is in Files, an object
	// whose own file is gone is kept: it may have moved into the broken one.
	Paths map[string]bool
}

// Policy bounds what a plan may remove.
type Policy struct {
	// Grace is how long workloads outlive their description. Default 60 s.
	Grace time.Duration
	// MaxPrune is the share of units, 0 to 1, that may go at once. Default 0.5.
	MaxPrune float64
	// MinPrune is how many units may always go. Default 5.
	MinPrune int
	// Confirmed lets a mass deletion through: the head commit says
	// `Sluice-Prune: confirm`.
	Confirmed bool
}

// DefaultPolicy is what an installation has unless it says otherwise.
func DefaultPolicy() Policy { return Policy{Grace: time.Minute, MaxPrune: 0.5, MinPrune: 5} }

// Plan is what has to be done.
type Plan struct {
	// Steps in order: stages upwards for writes, then deletions with routes first.
	Steps []Step
	// Holds are sorted by ID.
	Holds []Hold
	// Orphans is Input.Orphans brought up to date, for the next plan.
	Orphans map[manifest.ID]time.Time
}

// Make compares what should be with what is.
func Make(in Input) Plan {
	p := Plan{Orphans: map[manifest.ID]time.Time{}}
	wanted := make(map[manifest.ID]bool, len(in.Manifests))
	for i := range in.Manifests {
		m := &in.Manifests[i]
		wanted[m.ID] = true
		if step, ok := write(in, m); ok {
			p.Steps = append(p.Steps, step)
		}
	}
	prune(in, wanted, &p)
	slices.SortStableFunc(p.Steps, compareSteps)
	slices.SortFunc(p.Holds, func(a, b Hold) int { return a.ID.Compare(b.ID) })
	return p
}

// write is the step, if any, that makes the live object what m says.
func write(in Input, m *manifest.Manifest) (Step, bool) {
	live, ok := in.Live[m.ID]
	if ok && live.Ours && in.Memo.verified(m.ID, live.ResourceVersion, m.Digest) {
		return Step{}, false
	}
	step := Step{ID: m.ID, Manifest: *m, Unit: m.Unit, Stamps: manifest.Stamps{
		contract.AnnotationDigest: m.Digest,
		contract.AnnotationCommit: in.Commit,
		contract.AnnotationSource: m.File,
	}}
	if !ok || !live.Ours {
		step.Action, step.Reason = Create, "is not there"
		return step, true
	}
	step.Live = *live
	changes, err := diff.JSON(m.JSON, live.JSON)
	if err != nil {
		changes = []diff.Change{{Path: "", To: err.Error()}}
	}
	switch {
	case live.Digest != m.Digest:
		step.Action, step.Reason = Update, "its description changed"
	case len(changes) > 0 && !in.Memo.accepted(m.ID, m.Digest, changes):
		step.Action, step.Reason = Heal, "somebody changed it"
	default:
		in.Memo.verify(m.ID, live.ResourceVersion, m.Digest)
		return Step{}, false
	}
	step.Changes = mask(m.ID, changes)
	return step, true
}

// mask hides the values of Secrets, whatever is wrong with them.
func mask(id manifest.ID, changes []diff.Change) []diff.Change {
	if id.Kind != "Secret" || id.Group() != "" {
		return changes
	}
	out := slices.Clone(changes)
	for i := range out {
		out[i].From, out[i].To = "(hidden)", "(hidden)"
	}
	return out
}

// compareSteps orders writes by stage, then deletions by stage backwards.
func compareSteps(a, b Step) int {
	if da, db := a.Action == Delete, b.Action == Delete; da != db {
		if da {
			return 1
		}
		return -1
	} else if da {
		a, b = b, a
	}
	sa, sb := manifest.StageOf(a.ID), manifest.StageOf(b.ID)
	if sa != sb {
		return int(sa) - int(sb)
	}
	if na, nb := a.ID.Kind == "Namespace", b.ID.Kind == "Namespace"; na != nb {
		if na {
			return -1
		}
		return 1
	}
	if a.Action == Delete {
		return b.ID.Compare(a.ID)
	}
	return a.ID.Compare(b.ID)
}

// Counts are the steps of a plan by action.
func (p Plan) Counts() map[Action]int {
	n := map[Action]int{}
	for i := range p.Steps {
		n[p.Steps[i].Action]++
	}
	return n
}

// Units are the specs that have steps, each once.
func (p Plan) Units() []schema.Identity {
	set := map[schema.Identity]bool{}
	for i := range p.Steps {
		set[p.Steps[i].Unit] = true
	}
	return slices.SortedFunc(maps.Keys(set), schema.Identity.Compare)
}
