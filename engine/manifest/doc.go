// Package manifest holds one rendered Kubernetes object as data: canonical
// bytes, their digest, and where they come from.
//
// # In
//
// A Kubernetes API object from engine/render, or a plain object's JSON.
//
// # Out
//
// [Manifest] values: equal input gives equal bytes and digests.
//
// # Reads
//
// manifest.go. The room knows no kind but what order kinds are applied in.
package manifest
