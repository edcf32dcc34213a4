// Package filter chooses events for a subscription, and changes them on their
// way: what a spec says, compiled once.
//
// # In
//
// A [contract.Filter] or [contract.Transform]; then one [Input] per event.
//
// # Out
//
// Yes or no, or a changed event; or an error that says on which expression it
// failed. An event that a filter cannot be evaluated on is not chosen.
//
// # Reads
//
// filter.go, then compile.go.
package filter
