// Package shim runs one container's processes: it re-executes the program it is
// linked into, first as a keeper and then, once per container, as the first
// process of fresh namespaces.
//
//	node --socket--> keeper --clone--> shim (pid 1) --fork--> the container's process
//	  \------------- socket per container -----/         \--> what exec asks for
//
// The keeper exists because a large process forks slowly and because one user
// namespace, made once, serves every container of a node without root. A shim
// whose socket closes kills everything below it, so that a node that dies, by
// whatever cause, takes its pods along.
//
// Only the standard library is imported, and of that no package with heavy
// variables: the program's other packages would otherwise be initialised before
// every container's start (Go initialises packages in the order of their paths
// and dependencies; see reexec.go).
//
// # In
//
// A Spec: root directory, mounts, arguments, environment, identity.
//
// # Out
//
// A Process: its exit, signals to it, further processes beside it.
//
// # Reads
//
// keeper.go, then init.go for what happens on the other side.
package shim
