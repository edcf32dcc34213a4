// Sluice makes a Kubernetes cluster serve what a Git branch says. This binary
// is the command line and every role in the cluster.
//
// # A tour of the house
//
// Five rooms on four floors; all imports point down, and house_test.go fails
// with the sentence that was broken:
//
//	cmd -> appliers -> engine | runtime -> schema
//
// In the order in which a commit goes through:
//
//  1. engine/git reads a branch as a Snapshot: a commit and the list of its
//     files. Never a work tree, never a link followed.
//  2. engine/load reads files into documents and documents into specs, with a
//     schema.Problem (file, line, column, field) for everything wrong.
//  3. schema/serving knows Service, Configuration and Route in the versions
//     v1 and v1alpha1; schema/plain passes plain Kubernetes objects by policy;
//     schema/catalog is the table of contents. Their stories, and the engine's, are
//     run by schema/golden.
//  4. Every kind lowers to the nouns of schema/desired: Workload (a revision),
//     Route, Task (a build), Object. The engine knows no kinds, only nouns.
//  5. engine/history gives revisions their ordinals, where a spec asks;
//     engine/preview says what other refs may run beside the branch, and
//     engine/rollout how a share moves from one revision to the next.
//  6. engine/build joins builds to the revisions that wait for them: a hash of
//     all inputs names the Job, and its digest is what the revision runs.
//     schema/building has the kinds, runtime/build the platform's own steps.
//  7. engine/render turns nouns into manifests: a Deployment a revision, a
//     VirtualService and a Service a route. Names that the data plane reads
//     stand in schema/contract.
//  8. engine/plan compares manifests with live objects and gives Steps, each
//     with its reason. engine/diff compares field by field.
//  9. appliers do the steps by server-side apply; appliers/inventory records
//     where our objects are, appliers/lastgood keeps the newest commit,
//     appliers/registry asks what an image's tag stands for, appliers/farewell
//     has removed what an object made outside the cluster.
//  10. engine/status makes the Report and the events between two Reports;
//     appliers/report makes them known, appliers/forge as commit statuses.
//  11. engine, the root package, is the loop: it calls each once a pass.
//
// And in the order in which a request goes through:
//
//  0. runtime/front reads it off its connection, if it is a plain one.
//  1. runtime/gateway finds the route by host and picks a revision by weight.
//  2. runtime/activator holds, queues and forwards to the least loaded pod.
//  3. runtime/proxy is the hop itself; runtime/kube feeds both from watches.
//     runtime/wire tells whether a kept connection is still of use.
//  4. runtime/peer lets several activators share revisions: one owner each.
//  5. runtime/demand streams what revisions need to the autoscaler.
//     runtime/guard stands before whatever a role tells or does on request.
//  6. runtime/autoscaler has an actor per active revision; what it decides is
//     a pure function in runtime/autoscaler/decide. runtime/thrift keeps
//     processes that rest small.
//
// And in the order in which an event goes through:
//
//  0. runtime/source, a folder per source, brings it into the cluster.
//  1. runtime/channel finds the channel by host, reads the event by way of
//     runtime/cloudevents, and has its bus store it before it answers.
//  2. runtime/bus keeps it, and brings it to every subscription until that is
//     done with it; a folder per driver, runtime/bus/catalog lists them.
//  3. runtime/channel/filter chooses and changes it, runtime/channel/post sends
//     it, and runtime/channel/attempt says what the answer means.
//
// cmd/sluice/cli is streams and exit codes, cmd/sluice/verb what a person
// types, cmd/sluice/role what a machine runs: the only place parts are wired.
// cmd/sluice-local, a module of its own, is a whole cluster on one machine.
//
// # Words
//
// A spec is one document of the repository. A unit is a spec on its way
// through the engine. A revision is one immutable template; its name is the
// template's hash. A route says who gets what share. A manifest is a rendered
// object, a step one write, an outcome what became of it, a hold something
// left alone on purpose.
package main
