// Package decide says how many pods a revision should have: Knative's KPA as a
// pure function.
//
// # In
//
// [Next] gets the state that it returned last, what was observed since, and the
// time. It may be called as often as something happens; the pace of the
// decisions does not change them, but for the rates, which are counted by the
// two seconds that Knative decides at.
//
// # Out
//
// The next state and a [Decision] with its inputs and a sentence that says why.
// The state handed in is not changed and can be used again: a recorded load
// gives the same decisions again.
//
// Three windows look at the same load. The stable one (60 s) says what is
// enough; the panic one (6 s) raises, and forbids to lower, when that is twice
// what there is; and demand that stands for a moment beyond what the ready pods
// can take raises without waiting for an average. The last is not Knative's.
//
// # Reads
//
// next.go, then rule.go
package decide
