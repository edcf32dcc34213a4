// Package building reads Build, BuildTemplate and ClusterBuildTemplate of
// build.knative.dev/v1alpha1, alone or inside a Configuration, and brings the
// templates that are ready to be used.
//
// # In
//
// A [schema.Document] of one of the kinds in [Kinds]; for a build inside
// another document, that document and where the build stands ([Inline]).
//
// # Out
//
// A [Build] or [Template] that lowers itself to a desired.Task or
// desired.TaskTemplate; or problems.
//
// # Reads
//
// kinds.go, types.go, then build.go with its _validate files and template.go;
// ready.go and the folder ready are the templates that come with the platform.
package building
