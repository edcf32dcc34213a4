// Package registry keeps the cluster's images: an OCI image layout on disk is
// the truth, whether or not the cluster is running.
//
// # In
//
// Images built on this machine (Put), pushed over the distribution API
// (Handler), or pulled from elsewhere when a pod first asks (Pull).
//
// # Out
//
// Images by name for pushers and pullers; their files, unpacked once, for the
// node. Names under local.dev mean this registry; its own address is an alias.
//
// The API deletes nothing: an old revision may name an image by its digest long
// after the tag has moved. [Store.Collect] removes what no tag and no digest in
// use leads to.
//
// # Reads
//
// store.go, then server.go (the distribution API) and pull.go (what the node
// calls).
package registry
