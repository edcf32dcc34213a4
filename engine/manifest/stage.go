package manifest

// Stage orders what is applied: a later stage begins when the earlier one is
// done. Pruning runs the other way, routes first.
type Stage int

const (
	// Base is what others stand on: namespaces, accounts, configuration.
	Base Stage = iota
	// Work is what runs.
	Work
	// Traffic moves last, when everything it points to is there.
	Traffic
)

// String is the stage's name in plans and logs.
func (s Stage) String() string {
	switch s {
	case Base:
		return "base"
	case Work:
		return "work"
	case Traffic:
		return "traffic"
	}
	return "unknown"
}

// StageOf is the stage of a kind.
func StageOf(id ID) Stage {
	switch id.Kind {
	case "Deployment", "Job", "HorizontalPodAutoscaler":
		return Work
	case "VirtualService":
		return Traffic
	}
	return Base
}
