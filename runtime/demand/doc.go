// Package demand tells the autoscaler what an activator's revisions need: the
// activator's half of the standing stream between them.
//
// # In
//
// The loads of active revisions, sampled; hints that one woke or began to
// queue; the address of the autoscaler that leads.
//
// # Out
//
// stat.Frames on one connection, nothing for idle revisions: in blocks where the
// autoscaler takes them, else in lines, as one of before there were blocks reads. A wake is
// answered within milliseconds; where no autoscaler answers, the pod is asked
// for directly, so that sleeping services wake without one.
//
// # Reads
//
// teller.go, then stream.go and wake.go.
package demand
