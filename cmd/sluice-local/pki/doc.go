// Package pki is the cluster's certificate authority: who the components and
// the user are to one another.
//
// # In
//
// The directory that keeps the authority (its key is made once and stays), and
// who wants a certificate.
//
// # Out
//
// Certificates for one year, issued anew at every start; the key that signs
// ServiceAccount tokens; kubeconfig files with the credentials inside.
//
// # Reads
//
// authority.go, then kubeconfig.go.
package pki
