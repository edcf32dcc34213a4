// Package rollout decides how a share of a route's requests moves from one
// revision to the next: at once, in Knative's even steps, or along a ramp.
//
// # In
//
// The State that is recorded in the cluster; which revision the repository
// describes and which are ready; how the revisions answered; the clock.
//
// # Out
//
// The next State, which says who has how much of the share, and when it is to
// be looked at again. [State.Next] is pure: same input, same State. It does
// not know what a share is part of, or who answers for the revisions.
//
// # Reads
//
// next.go, then steps.go; judge.go says when a revision is worse than another.
package rollout
