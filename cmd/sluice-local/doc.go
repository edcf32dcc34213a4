// Command sluice-local is Sluice on one machine: a real Kubernetes API, a node
// that runs pods as processes, an image registry, and the platform installed
// into them. It is a Go module of its own, so that Kubernetes itself never
// enters the main one.
//
// A tour, in the order in which `sluice-local up` goes:
//
//	cli       what a person types
//	up        the order of things; the only place where parts are wired
//	lock      one cluster per directory
//	address   every cluster its own loopback network, 127.A.0.0/16
//	pki       the certificate authority, credentials, kubeconfig files
//	stack     components that stand on one another, stopped in reverse
//	cluster   etcd, kube-apiserver, kube-controller-manager, kube-scheduler
//	crds      the Istio kinds that the platform writes
//	registry  images: kept, served, pulled
//	goimage   images made from Go programs
//	unpack    images turned into files
//	node      pods as processes
//	machine   what a node with real containers needs of this machine
//	network   its address, the pods' way out
//	child     other programs, for as long as we live
//	containerd, kubelet, dns   that node's parts, with kube-proxy
//	usage     what node and pods use: the metrics API
//	seed      the demo repository
//	install   the platform, as `sluice install` prints it
//	follow    the live log
//
// Everything is kept below one directory (.sluice): `cluster` etcd's data,
// `pki` keys and certificates, `registry` an OCI image layout, `images`
// unpacked images, `node` pods (or `containerd` and `kubelet`), `log` logs,
// `demo.git` the repository, `kubeconfig` the administrator's way in. Removing
// the directory of a cluster that is not running removes the cluster.
package main
