// Package report makes the engine's reports known: as a ConfigMap that
// `sluice status` reads, as Kubernetes Events, and as CloudEvents.
//
// # In
//
// status.Report values, one after the other, from the engine's loop.
//
// # Out
//
// The newest report, gzipped JSON, in the ConfigMap contract.StatusConfigMap;
// the events between two reports. Nothing here holds the loop up: a report
// that is overtaken is not written, events that cannot be delivered are
// counted and logged.
//
// # Reads
//
// reporter.go, then store.go and cloudevents.go.
package report
