// Package containerd runs a containerd of the cluster's own: its own images,
// state and socket, below the cluster's folder.
//
// # In
//
// containerd and runc as the machine has them; the registry that images named
// local.dev come from.
//
// # Out
//
// A socket that the kubelet talks to; at the end, no pod and no mount.
//
// # Reads
//
// config.go is what it is told, runtime.go how it starts and ends, pods.go how
// pods are removed, leftovers.go what else has to go.
package containerd
