// Package appliertest is the exam that every pair of an applier and an
// observer sits, and a small API server in memory to sit it on.
//
// The [Server] merges with the code of Kubernetes itself
// (k8s.io/apimachinery/pkg/util/managedfields), so conflicts and ownership are
// what they are on a real cluster. Validation, admission and defaults are not:
// it knows the few rules the exam asks for. The same exam runs on a real API
// server in e2e.
//
// # In
//
// A [World]: the pair and a way to meddle as somebody else.
//
// # Out
//
// Test failures.
//
// # Reads
//
// exam.go; server.go for what the server knows.
package appliertest
