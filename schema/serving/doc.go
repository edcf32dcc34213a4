// Package serving reads Service, Configuration and Route of
// serving.knative.dev, in today's v1 and in the v1alpha1 of 2018 to 2019 with
// its four modes (runLatest, pinned, release, manual).
//
// # In
//
// A [schema.Document] of one of the kinds in [Kinds].
//
// # Out
//
// A [Service], [Configuration] or [Route] that lowers itself to the nouns of
// schema/desired; or problems. Whatever version and spelling a template was
// written in, equal meaning gives an equal desired.Template, and so the same
// revision.
//
// # Reads
//
// kinds.go, then service.go and its _defaults, _validate and _desire; old.go
// is v1alpha1. Of what Knative puts behind feature flags all is accepted that
// a pod may ask for without reaching beyond itself.
package serving
