// Package jobs writes the Jobs of builds.
//
// # In
//
// Steps for Jobs, through kubernetes.Applier: creations, changes of marks,
// deletions.
//
// # Out
//
// Jobs whose first step has the Secrets of the build's ServiceAccount, and no
// other step any of them; Jobs that were stopped with their pods and logs kept.
//
// # Stopping
//
// Deleting or suspending a Job deletes its pods, and their logs with them. So
// the pods' own deadlines are set to a second instead, which ends them and
// leaves them there. Only a Job that has no pod yet is suspended.
//
// # Reads
//
// writer.go, stop.go; credentials.go is which Secret is for what.
package jobs
