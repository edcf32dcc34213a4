package build

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

// volumeToken is the volume of the token that fetches this repository's trees.
const volumeToken = "sluice-token"

// tokenSeconds is how long that token holds: the least that Kubernetes allows.
const tokenSeconds = 600

// volumes are the build's own and those that every build has.
func volumes(r Resolved, c Config) []corev1.Volume {
	out := slices.Clone(r.Task.Volumes)
	empty := corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}
	for _, name := range []string{contract.VolumeWorkspace, contract.VolumeHome, contract.VolumeImage} {
		out = append(out, corev1.Volume{Name: name, VolumeSource: empty})
	}
	if mounts(r, contract.VolumeTools) {
		out = append(out, corev1.Volume{Name: contract.VolumeTools, VolumeSource: empty})
	}
	switch {
	case cached(r, c):
		out = append(out, corev1.Volume{Name: contract.VolumeCache, VolumeSource: corev1.VolumeSource{
			HostPath: &corev1.HostPathVolumeSource{Path: c.Cache, Type: ptr(corev1.HostPathDirectory)},
		}})
	case mounts(r, contract.VolumeCache):
		out = append(out, corev1.Volume{Name: contract.VolumeCache, VolumeSource: empty})
	}
	if slices.ContainsFunc(r.Task.Sources, func(s desired.TaskSource) bool { return s.Git != nil && s.Git.URL == desired.Here }) {
		out = append(out, corev1.Volume{Name: volumeToken, VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{
			Sources: []corev1.VolumeProjection{{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{
				Audience: contract.SourceAudience, ExpirationSeconds: ptr(int64(tokenSeconds)), Path: "token",
			}}},
		}}})
	}
	if signs(r, c) {
		out = append(out, signingVolume(c))
	}
	return out
}

// mounts reports whether a step mounts one of the platform's volumes.
func mounts(r Resolved, volume string) bool {
	return slices.ContainsFunc(r.Task.Steps, func(c corev1.Container) bool {
		return slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == volume })
	})
}

// cached reports whether the run sees the cache of its namespace. Only
// templates that come with the platform do, as they come: no code of whom they
// build for runs beside it.
func cached(r Resolved, c Config) bool {
	return r.Shared && c.Cache != "" && mounts(r, contract.VolumeCache)
}
