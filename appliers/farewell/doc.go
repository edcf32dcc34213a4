// Package farewell removes what an object has outside the cluster when the
// object goes.
//
// # In
//
// Steps. A live object with contract.AnnotationFarewell that is deleted, or is
// to be of something else, takes its leave.
//
// # Out
//
// A Job, made before the step is done: should the engine be killed between the
// two, the next pass finds the object and makes the Job again, which is there.
// Kubernetes runs it until it has succeeded, for half an hour, and keeps it for
// a day. An object that comes back meanwhile ends the Job.
//
// # Reads
//
// applier.go; job.go is pure.
package farewell
