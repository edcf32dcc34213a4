// Package kubernetes writes objects to an API server and knows which of ours
// are there: server-side apply in one request a step, and one watch a kind.
//
// # In
//
// Steps of a plan, kinds to observe.
//
// # Out
//
// Outcomes with the object as the server stored it; the live objects of ours.
//
// # Ownership
//
// The [Applier] writes as one field manager, contract.FieldManager, and takes
// back every field that a manifest names. An object that exists already when
// it is to be created is never merged into: it was ours before, or it is
// adopted by permission, or the step is refused with its owner's name.
// spec.replicas is sent with the creation alone; before the first update of an
// object that nobody has scaled, the field is handed to
// contract.ScaleFieldManager, because the API server would else put its
// default in its place.
//
// # Reads
//
// applier.go and observer.go; api.go is the connection under both, object.go
// what is kept of an object.
package kubernetes
