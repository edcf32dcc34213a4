package install

import (
	"fmt"
	"time"
)

// Previews bounds what the repository may say about previews of refs beside
// its branch. A zero field is the engine's default.
type Previews struct {
	// Most is how many refs may be open at once; -1 is none. Default 100.
	Most int `json:"most,omitempty"`
	// Percent is the most that previews may get of a service's requests.
	// Default 50.
	Percent int64 `json:"percent,omitempty"`
	// Days is how old a ref's newest commit may be. Default 30.
	Days int `json:"days,omitempty"`
}

// TTL is Days as a duration.
func (p Previews) TTL() time.Duration { return time.Duration(p.Days) * 24 * time.Hour }

func (p Previews) validate() error {
	switch {
	case p.Most < -1:
		return fmt.Errorf("--previews %d: want how many refs may be previewed at once, or -1 for none", p.Most)
	case p.Percent < 0 || p.Percent > 100:
		return fmt.Errorf("--preview-percent %d: want 0 to 100", p.Percent)
	case p.Days < 0:
		return fmt.Errorf("--preview-days %d: want a number of days", p.Days)
	}
	return nil
}
