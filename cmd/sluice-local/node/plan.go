package node

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-dev/sluice/cmd/sluice-local/node/shim"
)

// plan is everything that is needed to start a container.
type plan struct {
	image  Image
	spec   shim.Spec
	policy corev1.TerminationMessagePolicy
	words  string // the file on the machine that holds the termination message
}

// plan gets the image and the configuration, and asks again until it has them.
// An error means that the container is to end.
func (c *container) plan() (plan, error) {
	image, err := c.pull()
	if err != nil {
		return plan{}, err
	}
	t := c.pod.node.timing
	wait := backoff{first: t.configFirst, max: t.configMax}
	wait.next(0)
	for {
		changed := c.pod.related.next()
		made, err := c.configure(image)
		if err == nil {
			return made, nil
		}
		c.pod.node.events.warning(of(c.pod.current(), c.name), reasonFailed, "Error: %s", err)
		c.change(func(s *corev1.ContainerStatus) { s.State = waiting("CreateContainerConfigError", err.Error()) })
		if !c.sleep(wait.next(0), changed) {
			return plan{}, errEnding
		}
	}
}

// pull gets the image, and asks again until it has it.
func (c *container) pull() (Image, error) {
	ctx, cancel := c.context()
	defer cancel()
	t, ev := c.pod.node.timing, c.pod.node.events
	wait := backoff{first: t.pullFirst, max: t.pullMax}
	wait.next(0)
	for {
		spec := c.spec()
		image, present, err := c.pod.node.images.pull(ctx, spec.Image, spec.ImagePullPolicy)
		ref := of(c.pod.current(), c.name)
		switch {
		case err == nil && present:
			ev.normal(ref, reasonPulled, "Container image %q already present on machine", spec.Image)
			return image, nil
		case err == nil:
			ev.normal(ref, reasonPulled, "Successfully pulled image %q", spec.Image)
			return image, nil
		case c.end.raised():
			return Image{}, errEnding
		}
		message := fmt.Sprintf("failed to pull image %q: %s", spec.Image, err)
		ev.warning(ref, reasonFailed, "Failed to pull image %q: %s", spec.Image, err)
		c.change(func(s *corev1.ContainerStatus) { s.State = waiting("ErrImagePull", message) })
		d := wait.next(0)
		if d > t.pullFirst {
			ev.normal(ref, reasonBackOff, "Back-off pulling image %q", spec.Image)
			c.change(func(s *corev1.ContainerStatus) {
				s.State = waiting("ImagePullBackOff", fmt.Sprintf("Back-off pulling image %q: %s", spec.Image, message))
			})
		}
		if !c.sleep(d, nil) {
			return Image{}, errEnding
		}
	}
}

// configure works out the container's process and what it sees.
func (c *container) configure(image Image) (plan, error) {
	ctx, cancel := c.context()
	defer cancel()
	view, spec := c.pod.view(), c.spec()
	_, ports := c.pod.network()
	env, err := makeEnv(ctx, surroundings{
		pod: view, container: spec, image: image.Env, node: c.pod.node.resources, apiServer: c.pod.node.cfg.APIServer, ports: ports,
	}, api{c.pod.node.cfg.Client})
	if err != nil {
		return plan{}, err
	}
	who, err := userOf(view, spec, image)
	if err != nil {
		return plan{}, err
	}
	mounts, err := c.mounts(view, spec, env)
	if err != nil {
		return plan{}, err
	}
	args := arguments(spec, image, env)
	if len(args) == 0 {
		return plan{}, fmt.Errorf("no command specified: neither the container nor image %q names one", spec.Image)
	}
	made := plan{image: image, policy: spec.TerminationMessagePolicy}
	made.spec = shim.Spec{
		Dir:      filepath.Join(c.pod.dir, "containers", c.name, fmt.Sprint(c.attempt)),
		Lower:    image.Root,
		Mounts:   mounts,
		Hostname: hostname(view),
		Command:  shim.Command{Args: args, Env: env.list(), Dir: firstOf(spec.WorkingDir, image.WorkingDir), UID: who.uid, GID: who.gid, Groups: who.groups},
	}
	if sc := spec.SecurityContext; sc != nil && sc.ReadOnlyRootFilesystem != nil {
		made.spec.ReadOnlyRoot = *sc.ReadOnlyRootFilesystem
	}
	c.adapt(&made, spec)
	return made, nil
}

// adapt fits the plan to how containers are kept apart here.
func (c *container) adapt(made *plan, spec *corev1.Container) {
	if !c.pod.node.mode.Isolated() {
		if made.spec.Command.UID != 0 && os.Geteuid() != 0 {
			c.pod.node.events.warning(of(c.pod.current(), c.name), reasonNoIsolation,
				"The container runs as the user of the node and not as %d: this machine permits no namespaces", made.spec.Command.UID)
		}
		bare(&made.spec)
		return
	}
	made.words = filepath.Join(made.spec.Dir, "termination-log")
	made.spec.Mounts = append(made.spec.Mounts, shim.Mount{Source: made.words, Target: firstOf(spec.TerminationMessagePath, corev1.TerminationMessagePathDefault)})
	// What lies deeper is mounted later.
	slices.SortStableFunc(made.spec.Mounts, func(a, b shim.Mount) int {
		return strings.Count(a.Target, "/") - strings.Count(b.Target, "/")
	})
}

// bare makes a process of the machine's own file system of the container.
func bare(spec *shim.Spec) {
	if name := spec.Command.Args[0]; strings.HasPrefix(name, "/") {
		spec.Command.Args[0] = filepath.Join(spec.Lower, name)
	} else {
		spec.Command.Args[0] = filepath.Join(spec.Lower, spec.Command.Dir, name)
		for _, d := range []string{"usr/local/bin", "usr/bin", "bin", "."} {
			if full := filepath.Join(spec.Lower, d, name); isFile(full) {
				spec.Command.Args[0] = full
				break
			}
		}
	}
	spec.Command.Dir = filepath.Join(spec.Lower, spec.Command.Dir)
}

// arguments are the process's: command replaces the image's entrypoint and its
// arguments, args only the arguments.
func arguments(spec *corev1.Container, image Image, env *environment) []string {
	switch {
	case len(spec.Command) > 0:
		return append(expandAll(spec.Command, env.lookup), expandAll(spec.Args, env.lookup)...)
	case len(spec.Args) > 0:
		return append(slices.Clone(image.Entrypoint), expandAll(spec.Args, env.lookup)...)
	}
	return append(slices.Clone(image.Entrypoint), image.Cmd...)
}

// tokenMount is where every pod that may talk to the API finds its token.
const tokenMount = "/var/run/secrets/kubernetes.io/serviceaccount"

// mounts are the files of /etc and the container's volumes.
func (c *container) mounts(view *corev1.Pod, spec *corev1.Container, env *environment) ([]shim.Mount, error) {
	if !c.pod.node.mode.Isolated() {
		return nil, c.refuseMounts(view, spec)
	}
	var mounts []shim.Mount
	for _, name := range []string{"hosts", "hostname", "resolv.conf"} {
		mounts = append(mounts, shim.Mount{Source: filepath.Join(c.pod.dir, "etc", name), Target: "/etc/" + name})
	}
	volumes := c.pod.volumeList()
	for i := range spec.VolumeMounts {
		m := &spec.VolumeMounts[i]
		v, ok := volumes[m.Name]
		if !ok {
			return nil, fmt.Errorf("volume %q is not one of the pod's", m.Name)
		}
		sub := m.SubPath
		if m.SubPathExpr != "" {
			sub = expand(m.SubPathExpr, env.lookup)
		}
		mount, err := mountOf(m, v, sub)
		if err != nil {
			return nil, err
		}
		mounts = append(mounts, mount)
	}
	return mounts, nil
}

// refuseMounts says why a volume cannot be had. The token that every pod gets
// unasked is left out with a warning only.
func (c *container) refuseMounts(view *corev1.Pod, spec *corev1.Container) error {
	for _, m := range spec.VolumeMounts {
		if m.MountPath == tokenMount {
			c.pod.node.events.warning(of(view, c.name), reasonNoIsolation,
				"%s is not there: this machine permits no namespaces; set automountServiceAccountToken: false if the pod does not need it", tokenMount)
			continue
		}
		return fmt.Errorf("volume %q cannot be mounted at %s: this machine permits no namespaces, so containers run on its own file system; "+
			"allow unprivileged user namespaces or run as root", m.Name, m.MountPath)
	}
	return nil
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
