package plan

import (
	"strings"

	"github.com/sluice-dev/sluice/engine/diff"
	"github.com/sluice-dev/sluice/engine/manifest"
)

// Memo remembers, from plan to plan, which live objects were found to be as
// they should be, so that an unchanged cluster costs a map look-up an object.
//
// It also remembers in which fields an object differed right after it was
// written: the API server may store a value in another form than it was sent,
// and such a difference must not be healed for ever.
type Memo struct {
	seen  map[manifest.ID]memory
	forms map[manifest.ID]memory
}

type memory struct{ version, digest string }

// NewMemo is an empty memory.
func NewMemo() *Memo {
	return &Memo{seen: map[manifest.ID]memory{}, forms: map[manifest.ID]memory{}}
}

// verified reports whether the object was found to be of that digest, or was
// written with it, at the version that it has.
func (m *Memo) verified(id manifest.ID, version, digest string) bool {
	return m != nil && m.seen[id] == memory{version, digest}
}

func (m *Memo) verify(id manifest.ID, version, digest string) {
	if m != nil {
		m.seen[id] = memory{version, digest}
	}
}

func (m *Memo) accepted(id manifest.ID, digest string, changes []diff.Change) bool {
	return m != nil && m.forms[id] == memory{form(changes), digest}
}

// Wrote tells the memory what the API server made of a step. Call it from one
// goroutine only, between plans.
func (m *Memo) Wrote(o Outcome) {
	if m == nil || o.Err != nil {
		return
	}
	if o.Step.Action == Delete {
		delete(m.seen, o.Step.ID)
		delete(m.forms, o.Step.ID)
		return
	}
	digest := o.Step.Manifest.Digest
	m.seen[o.Step.ID] = memory{o.Object.ResourceVersion, digest}
	delete(m.forms, o.Step.ID)
	changes, err := diff.JSON(o.Step.Manifest.JSON, o.Object.JSON)
	if err == nil && len(changes) > 0 {
		m.forms[o.Step.ID] = memory{form(changes), digest}
	}
}

func form(changes []diff.Change) string {
	var b strings.Builder
	for _, c := range changes {
		b.WriteString(c.String())
		b.WriteByte('\n')
	}
	return b.String()
}
