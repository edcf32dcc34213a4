// Package bustest is the one exam that every driver of package bus sits.
//
// # In
//
// A Store: how to reach a bus, any number of times, as if from another process;
// and the driver's Promises. What is not promised is skipped by name.
//
// # Out
//
// Subtests, one per sentence of the contract of bus.Driver and bus.Stream, then
// the portable half on top of the driver: retries, order, dead letters, dedupe,
// replay.
//
// # Reads
//
// run.go is the list; driver.go, stream.go, place.go, seek.go and portable.go the
// questions.
package bustest
