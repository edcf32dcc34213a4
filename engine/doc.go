// Package engine is the one loop of Sluice: it makes a cluster what a Git
// branch says.
//
//	commit -> Snapshot -> Tree of specs -> nouns -> manifests -> Plan -> Outcomes -> Report
//
// Everything between reading Git and applying is a pure function in a room of
// its own; the engine calls each once a pass, in this order. Every pass reads
// everything and converges: a webhook, a changed file or a watch event only
// says "look sooner". Caches by blob make an unchanged spec cost a map look-up.
//
// # In
//
// A [Repository], an [Observer] of the cluster, the table of kinds.
//
// # Out
//
// Writes through an [Applier], and a status.Report through a [Reporter].
//
// # Reads
//
// pass.go: one pass, a line a station. engine.go is the loop around it.
package engine
