package appliers

import (
	"context"
	"errors"
	"testing"

	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/engine/plan"
)

func TestByKind_LeavesAStepToTheApplierOfItsKind(t *testing.T) {
	named := func(name string) Applier {
		return Func(func(_ context.Context, step plan.Step) plan.Outcome {
			return plan.Outcome{Step: step, Err: errors.New(name)}
		})
	}
	mesh := manifest.Kind{APIVersion: "networking.istio.io/v1", Kind: "VirtualService"}
	b := ByKind{Kinds: map[manifest.Kind]Applier{mesh: named("istio")}, Default: named("kubernetes")}
	for want, id := range map[string]manifest.ID{
		"istio":      {APIVersion: mesh.APIVersion, Kind: mesh.Kind, Name: "a"},
		"kubernetes": {APIVersion: "example.com/v1", Kind: mesh.Kind, Name: "a"}, // the kind of another group
	} {
		if got := b.Apply(t.Context(), plan.Step{ID: id}); got.Err.Error() != want || got.Step.ID != id {
			t.Errorf("%s went to %v, want %s", id, got.Err, want)
		}
	}
}
