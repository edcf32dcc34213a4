package desired

import "github.com/sluice-dev/sluice/schema"

// Domain is a host of the user's own that leads to a route.
type Domain struct {
	Namespace string
	// Host is the domain.
	Host string
	// Target is the Service or Route whose route it leads to.
	Target Reference
	// TLSSecret names the Secret with the host's certificate; empty: none.
	TLSSecret string
	// Redirect sends requests over http to https.
	Redirect bool
	// Claim is the spec that asks for the host.
	Claim schema.Identity
}
