package plan

import (
	"fmt"
	"time"

	"github.com/sluice-dev/sluice/engine/diff"
	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/schema"
)

// Action is what a step does: a closed list.
type Action int

const (
	// Create writes an object that is not there.
	Create Action = iota
	// Update writes an object whose manifest has changed.
	Update
	// Heal writes an object that somebody else has changed.
	Heal
	// Delete removes an object that the repository no longer describes.
	Delete
)

var actionNames = [...]string{"create", "update", "heal", "delete"}

// String is the word in plans, logs and events.
func (a Action) String() string { return actionNames[a] }

// MarshalText makes actions readable in JSON.
func (a Action) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (a *Action) UnmarshalText(text []byte) error {
	for i, name := range actionNames {
		if name == string(text) {
			*a = Action(i)
			return nil
		}
	}
	return fmt.Errorf("action %q: want one of %v", text, actionNames)
}

// Step is one write.
type Step struct {
	Action Action
	ID     manifest.ID
	// Manifest is what to write; its JSON is empty for Delete.
	Manifest manifest.Manifest
	// Live is the object as it was when the plan was made; zero for Create.
	Live Object
	// Stamps go beside the manifest.
	Stamps manifest.Stamps
	// Unit is the spec the step is for.
	Unit schema.Identity
	// Reason is one sentence for people.
	Reason string
	// Changes are the differing fields, for Update and Heal.
	Changes []diff.Change
}

// String reads `create Deployment.apps default/hello-0123456789: reason`.
func (s Step) String() string { return fmt.Sprintf("%s %s: %s", s.Action, s.ID, s.Reason) }

// Outcome is what became of a step.
type Outcome struct {
	Step Step
	// Object is the live object after a successful write; zero after a delete.
	Object Object
	// Err is nil if the step was done.
	Err error
	// Terminal errors are not tried again until the manifest or the object changes.
	Terminal bool
	// RetryAfter asks for another try not before this long; 0 leaves it to the engine's back-off.
	RetryAfter time.Duration
}

// Hold is something the plan deliberately leaves alone.
type Hold struct {
	ID manifest.ID `json:"id"`
	// Unit is the spec that it is of; File is where that stood.
	Unit schema.Identity `json:"unit,omitzero"`
	File string          `json:"file,omitempty"`
	// Broken: it stays because something in the repository cannot be understood.
	Broken bool `json:"broken,omitempty"`
	// Reason says why and what to do.
	Reason string `json:"reason"`
	// Wait is how long until the hold should be looked at again; 0 is until something changes.
	Wait time.Duration `json:"wait,omitempty"`
}
