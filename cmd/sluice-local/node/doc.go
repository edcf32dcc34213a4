// Package node is a Kubernetes node that runs pods as processes of one Linux
// machine. It needs no root and nothing installed.
//
// Every pod has a loopback address of its own, but all pods share the machine's
// network. Two pods that declare the same port would collide, so the node gives
// every declared container port a free port of the machine, tells the process
// by PORT (and PORT_8080 for a further port 8080), and writes the mapping on
// the pod as contract.AnnotationPorts. A pod on hostNetwork keeps its ports; it
// has an address of its own all the same, because clients tell pods apart by
// address and the machine's own would be the same for all of them.
//
// Where the kernel allows namespaces, a container has its image's files as its
// root (package shim says how); where it does not, it runs on the machine's
// file system and volumes at a path of their own are refused.
//
// Not here: cluster DNS, ClusterIPs, the variables of enableServiceLinks, limits
// of CPU and memory (they are scheduled by, not enforced), and capabilities.
//
// # In
//
// Pods with spec.nodeName of this node; the ConfigMaps and Secrets they name;
// images, unpacked, from Config.Images.
//
// # Out
//
// Processes; pod status and events; the node's object and lease; the kubelet
// API (logs, exec, attach, port-forward) over TLS; what the pods use, to whoever
// asks.
//
// # Reads
//
// node.go starts everything; pod.go is one pod's life, container.go one
// container's, phase.go what both amount to.
package node
