package build

import (
	"encoding/json"
	"path"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

// pod runs the steps one after the other, each an init container; the last
// container says what there is now. It is stopped by its own deadline, never
// deleted, so that its logs stay.
func pod(r Resolved, c Config, commit string) corev1.PodSpec {
	t := r.Task
	p := corev1.PodSpec{
		RestartPolicy:         corev1.RestartPolicyNever,
		ActiveDeadlineSeconds: ptr(max(int64(t.Timeout/time.Second), 1)),
		ServiceAccountName:    t.ServiceAccount,
		EnableServiceLinks:    ptr(false),
		NodeSelector:          t.NodeSelector,
		Affinity:              t.Affinity,
		Volumes:               volumes(r, c),
	}
	p.InitContainers = append(p.InitContainers, credentials(r, c))
	for i, s := range t.Sources {
		p.InitContainers = append(p.InitContainers, source(s, r.Trees[i], c))
	}
	for i := range t.Steps {
		p.InitContainers = append(p.InitContainers, step(t.Steps[i], i, t))
	}
	p.Containers = []corev1.Container{result(r, c, commit)}
	for _, list := range [][]corev1.Container{p.InitContainers, p.Containers} {
		for i := range list {
			surround(&list[i], r, c)
		}
	}
	return p
}

// own is a step of the platform's.
func own(name string, c Config, args ...string) corev1.Container {
	return corev1.Container{
		Name: name, Image: c.Image, Args: append([]string{"build"}, args...),
		SecurityContext: &corev1.SecurityContext{AllowPrivilegeEscalation: ptr(false), Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}},
	}
}

// credentials is the first step. The applier, which knows the Secrets of the
// build's ServiceAccount, adds them.
func credentials(r Resolved, c Config) corev1.Container {
	k := own(contract.StepCredentials, c, "creds")
	if mounts(r, contract.VolumeTools) {
		k.Args = append(k.Args, "--tools="+contract.DirTools)
		k.VolumeMounts = append(k.VolumeMounts, corev1.VolumeMount{Name: contract.VolumeTools, MountPath: contract.DirTools})
	}
	k.VolumeMounts = append(k.VolumeMounts, corev1.VolumeMount{Name: contract.VolumeImage, MountPath: contract.DirImage})
	return k
}

// gcsFetcher is the image of 2018 that fetches from Google Cloud Storage.
const gcsFetcher = "gcr.io/cloud-builders/gcs-fetcher"

// source fetches one source into its folder.
func source(s desired.TaskSource, tree string, c Config) corev1.Container {
	suffix := ""
	if s.Name != "" {
		suffix = "-" + s.Name
	}
	target := path.Join(contract.DirWorkspace, s.TargetPath)
	switch {
	case s.Custom != nil:
		k := *s.Custom.DeepCopy()
		k.Name = contract.StepCustom + suffix
		return k
	case s.GCS != nil:
		return corev1.Container{
			Name: contract.StepGCS + suffix, Image: gcsFetcher,
			Args: []string{"--type", s.GCS.Type, "--location", s.GCS.Location, "--dest_dir", target}, WorkingDir: contract.DirWorkspace,
		}
	case s.Git.URL == desired.Here:
		k := own(contract.StepGit+suffix, c, limited(c, "git", "--tree="+tree, "--from="+c.Source, "--target="+target)...)
		k.VolumeMounts = []corev1.VolumeMount{{Name: volumeToken, MountPath: contract.DirToken, ReadOnly: true}}
		return k
	}
	k := own(contract.StepGit+suffix, c, limited(c, "git", "--url="+s.Git.URL, "--revision="+s.Git.Revision, "--target="+target, "--sub-path="+s.SubPath,
		"--found="+contract.SourceFile(s.Name))...)
	k.VolumeMounts = []corev1.VolumeMount{{Name: contract.VolumeImage, MountPath: contract.DirImage}}
	return k
}

// limited adds how large a source may be, where the installation says so.
func limited(c Config, args ...string) []string {
	if c.SourceLimit == 0 {
		return args
	}
	return append(args, "--limit="+strconv.FormatInt(c.SourceLimit, 10))
}

// step is one of the user's, named as in 2018.
func step(c corev1.Container, i int, t desired.Task) corev1.Container {
	c = *c.DeepCopy()
	if c.Name == "" {
		c.Name = "unnamed-" + strconv.Itoa(i)
	}
	c.Name = contract.StepPrefix + c.Name
	if c.WorkingDir == "" {
		c.WorkingDir = contract.DirWorkspace
		if len(t.Sources) == 1 {
			c.WorkingDir = path.Join(contract.DirWorkspace, t.Sources[0].TargetPath)
		}
	}
	return c
}

// result is the last container.
func result(r Resolved, c Config, commit string) corev1.Container {
	k := own(contract.StepResult, c, "push", "--image="+r.Task.Image)
	facts, err := json.Marshal(provenance(r, c, commit))
	if err == nil {
		k.Env = append(k.Env, corev1.EnvVar{Name: contract.EnvBuild, Value: string(facts)})
	}
	k.VolumeMounts = []corev1.VolumeMount{{Name: contract.VolumeImage, MountPath: contract.DirImage}}
	if signs(r, c) {
		k.Args = append(k.Args, "--signing-secret="+c.Signing)
		k.WorkingDir = "/" // where no step can write, so that no program of a step's is found from there
		k.VolumeMounts = append(k.VolumeMounts, corev1.VolumeMount{Name: contract.VolumeSigning, MountPath: contract.DirSigning, ReadOnly: true})
	}
	return k
}

// provenance is what the image's record is to say.
func provenance(r Resolved, c Config, commit string) contract.BuildFacts {
	f := contract.BuildFacts{Build: r.Task.Namespace + "/" + r.Task.Name, Inputs: r.Inputs}
	if r.Task.Template != nil {
		f.Template, f.Arguments = r.Task.Template.Name, r.Task.Template.Arguments
	}
	for i, s := range r.Task.Sources {
		switch {
		case s.Git == nil:
		case s.Git.URL == desired.Here:
			f.Sources = append(f.Sources, contract.BuildSource{Name: s.Name, URI: c.Repository, Commit: commit, Tree: r.Trees[i], Path: s.SubPath})
		default:
			f.Sources = append(f.Sources, contract.BuildSource{Name: s.Name, URI: s.Git.URL, Revision: s.Git.Revision, Path: s.SubPath})
		}
	}
	for i := range r.Task.Steps {
		f.Images = append(f.Images, r.Task.Steps[i].Image)
	}
	return f
}

// surround gives a container what all of a build have: workspace, home, and
// the last lines of its log where it fails.
func surround(k *corev1.Container, r Resolved, c Config) {
	for i := range k.VolumeMounts {
		if m := &k.VolumeMounts[i]; m.Name == contract.VolumeCache && cached(r, c) && m.SubPath == "" {
			m.SubPath = r.Task.Namespace
		}
	}
	for _, m := range []corev1.VolumeMount{{Name: contract.VolumeWorkspace, MountPath: contract.DirWorkspace}, {Name: contract.VolumeHome, MountPath: contract.DirHome}} {
		if !slices.ContainsFunc(k.VolumeMounts, func(o corev1.VolumeMount) bool { return path.Clean(o.MountPath) == m.MountPath }) {
			k.VolumeMounts = append(k.VolumeMounts, m)
		}
	}
	implicit := []corev1.EnvVar{{Name: "HOME", Value: contract.DirHome}}
	if c.Registries != "" && (r.Ready || k.Image == c.Image) {
		implicit = append(implicit, corev1.EnvVar{Name: contract.EnvRegistries, Value: c.Registries})
	}
	for _, e := range implicit {
		if !slices.ContainsFunc(k.Env, func(o corev1.EnvVar) bool { return o.Name == e.Name }) {
			k.Env = append(k.Env, e)
		}
	}
	if k.TerminationMessagePolicy == "" {
		k.TerminationMessagePolicy = corev1.TerminationMessageFallbackToLogsOnError
	}
}

func ptr[T any](v T) *T { return &v }
