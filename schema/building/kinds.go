package building

import "github.com/sluice-dev/sluice/schema"

// V1Alpha1 is the version that is read; there never was another.
const V1Alpha1 = "build.knative.dev/v1alpha1"

// Kinds lists the kinds of the group.
func Kinds() []schema.Kind {
	return []schema.Kind{
		{APIVersion: V1Alpha1, Kind: "Build", Label: true, Decode: decodeBuild},
		{APIVersion: V1Alpha1, Kind: "BuildTemplate", Decode: decodeTemplate},
		{APIVersion: V1Alpha1, Kind: "ClusterBuildTemplate", ClusterScoped: true, Decode: decodeTemplate},
	}
}
