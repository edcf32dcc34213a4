// Package kubelet runs the real kubelet and kube-proxy, both out of this very
// program, each as a process of its own: neither can be ended within a process,
// and what goes on syncing would undo what is cleaned up at the end.
//
// # In
//
// The node's credentials and address, and the container runtime's socket.
//
// # Out
//
// A Node that runs pods as everywhere, and cluster IPs that lead to them.
//
// # Reads
//
// kubelet.go and proxy.go are what each is told, reexec.go how this program
// becomes one of them, tidy.go what is left to remove.
package kubelet
