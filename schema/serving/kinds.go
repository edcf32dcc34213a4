package serving

import "github.com/sluice-dev/sluice/schema"

// Kinds lists the kinds of the group, each version an entry.
func Kinds() []schema.Kind {
	return []schema.Kind{
		{APIVersion: V1, Kind: "Service", Label: true, Decode: decodeService},
		{APIVersion: V1, Kind: "Configuration", Label: true, Decode: decodeConfiguration},
		{APIVersion: V1, Kind: "Route", Label: true, Decode: decodeRoute},
		{APIVersion: V1Beta1, Kind: "DomainMapping", Decode: decodeDomainMapping},
		{APIVersion: V1Alpha1, Kind: "DomainMapping", Decode: decodeDomainMapping},
		{APIVersion: V1Alpha1, Kind: "Service", Label: true, Decode: decodeOldService},
		{APIVersion: V1Alpha1, Kind: "Configuration", Label: true, Decode: decodeOldConfiguration},
		{APIVersion: V1Alpha1, Kind: "Route", Label: true, Decode: decodeOldRoute},
	}
}
