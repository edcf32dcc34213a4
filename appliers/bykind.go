package appliers

import (
	"context"

	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/engine/plan"
)

// Applier does one step. It is safe for concurrent use.
type Applier interface {
	Apply(ctx context.Context, step plan.Step) plan.Outcome
}

// Func is an Applier that is only a function.
type Func func(ctx context.Context, step plan.Step) plan.Outcome

// Apply calls the function.
func (f Func) Apply(ctx context.Context, step plan.Step) plan.Outcome { return f(ctx, step) }

// ByKind is the applier that leaves each step to another one. Fill it before
// its first use and leave it alone afterwards.
type ByKind struct {
	// Kinds are those with an applier of their own.
	Kinds map[manifest.Kind]Applier
	// Default does the others. Required.
	Default Applier
}

// Apply does one step.
func (b ByKind) Apply(ctx context.Context, step plan.Step) plan.Outcome {
	if a, ok := b.Kinds[step.ID.KindOf()]; ok {
		return a.Apply(ctx, step)
	}
	return b.Default.Apply(ctx, step)
}
