package rollout

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// State is how far one share has moved. It is recorded in the cluster, and the
// next decision begins with what is recorded.
type State struct {
	// Parts of the share, the newest revision last. They sum to the share.
	Parts []Part `json:"parts,omitempty"`
	// Served had the whole share before, the last one last: to go back to one
	// of them takes no steps.
	Served []string `json:"served,omitempty"`
	// Began is when the newest revision got its first part.
	Began time.Time `json:"began,omitzero"`
	// Due is when the next step is; zero if there is none, or if it is not
	// known yet how long the first one took.
	Due time.Time `json:"due,omitzero"`
	// Size in percents of the route and Every in seconds are the even steps'.
	Size  int64   `json:"size,omitempty"`
	Every float64 `json:"every,omitempty"`
	// Step counts the ramp's steps, from 0.
	Step int `json:"step,omitempty"`
	// Held is the revision that was found worse, until another one is described.
	Held *Held `json:"held,omitempty"`
}

// Part is what one revision has of the share, in percents of the route.
type Part struct {
	Revision string `json:"revision"`
	Percent  int64  `json:"percent"`
}

// Held is a revision that gets nothing, and why.
type Held struct {
	Revision string    `json:"revision"`
	Why      string    `json:"why"`
	At       time.Time `json:"at"`
}

// servedKept is how many revisions are remembered to have served.
const servedKept = 8

// Newest is the revision that has, or gets, the whole share.
func (s State) Newest() string {
	if len(s.Parts) == 0 {
		return ""
	}
	return s.Parts[len(s.Parts)-1].Revision
}

// Moving reports whether the share is between revisions.
func (s State) Moving() bool { return len(s.Parts) > 1 }

// Names are all revisions that the state is about: none of them may go.
func (s State) Names() []string {
	names := slices.Clone(s.Served)
	for _, p := range s.Parts {
		names = append(names, p.Revision)
	}
	return names
}

// clone is a State that shares nothing with the first.
func (s State) clone() State {
	s.Parts, s.Served = slices.Clone(s.Parts), slices.Clone(s.Served)
	if s.Held != nil {
		held := *s.Held
		s.Held = &held
	}
	return s
}

// Encode writes the states of a route's shares, by share. Same states, same text.
func Encode(states map[string]State) string {
	b, err := json.Marshal(states)
	if err != nil {
		panic(fmt.Sprintf("rollout: states are always JSON: %v", err))
	}
	return string(b)
}

// Decode reads what Encode wrote; what somebody else has made of it counts as
// nothing.
func Decode(text string) map[string]State {
	var states map[string]State
	if text == "" || json.Unmarshal([]byte(text), &states) != nil {
		return nil
	}
	for key, s := range states {
		if !s.sound() {
			delete(states, key)
		}
	}
	return states
}

// sound reports whether a state can be gone on from.
func (s State) sound() bool {
	sum := int64(0)
	for _, p := range s.Parts {
		if p.Revision == "" || p.Percent < 0 || p.Percent > 100 {
			return false
		}
		sum += p.Percent
	}
	return sum <= 100 && s.Size >= 0 && s.Step >= 0 && s.Every >= 0
}
