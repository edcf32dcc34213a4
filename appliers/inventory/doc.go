// Package inventory keeps the ApplySet's parent (KEP-3659): one ConfigMap that
// says which kinds and namespaces have objects of ours, so that an engine that
// starts anew knows where to look, and other tools know whose they are.
//
// # In
//
// The kinds and namespaces about to be written.
//
// # Out
//
// The ApplySet's id, which is the value of every member's part-of label; the
// kinds an earlier run wrote.
//
// # Ownership
//
// The parent grows before the first member of a new kind is written and
// shrinks after the last one is gone. In between it may name too much, never
// too little.
//
// # Reads
//
// inventory.go.
package inventory
