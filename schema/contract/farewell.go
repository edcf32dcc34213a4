package contract

// AnnotationFarewell, on a Deployment or Job, is the JSON of a [Farewell].
const AnnotationFarewell = "sluice.dev/farewell"

// LabelFarewell is on the Jobs of farewells; its value is the same for what an
// object of that name has outside, whenever it was made.
const LabelFarewell = "sluice.dev/farewell-of"

// AnnotationFarewellOf, on such a Job, is what is outside: Farewell.Of.
const AnnotationFarewellOf = "sluice.dev/farewell-what"

// Farewell is how what an object has outside the cluster, as a webhook, is
// removed when the object goes: by a Job of the object's own pod, whose first
// container is told this instead.
type Farewell struct {
	// Of names what is outside. An object that is of something else now takes
	// leave of what it was of before.
	Of string `json:"of"`
	// Args, if any, are the container's arguments.
	Args []string `json:"args,omitempty"`
	// Env replaces or adds variables, by name.
	Env map[string]string `json:"env,omitempty"`
	// Words, if set, is the variable that gets what the object's own pod said last
	// when it ended well, if that is still known.
	Words string `json:"words,omitempty"`
}
