package load

// Rollouts is what happens when a revision that takes traffic over is found
// worse than the one before.
type Rollouts struct {
	// Revert has the engine take the commit back that brought it, by a commit of
	// its own. Default false: Git is left as it is.
	Revert bool `json:"revert,omitempty"`
}
