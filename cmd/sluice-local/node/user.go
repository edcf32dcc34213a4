package node

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// user is who a container's processes are.
type user struct {
	uid, gid uint32
	groups   []uint32
}

// userOf is the user that a container runs as: the container's security context
// goes before the pod's, and that before the image.
func userOf(pod *corev1.Pod, c *corev1.Container, image Image) (user, error) {
	u, err := imageUser(image)
	if err != nil {
		return user{}, err
	}
	var nonRoot *bool
	if sc := pod.Spec.SecurityContext; sc != nil {
		u = u.with(sc.RunAsUser, sc.RunAsGroup)
		nonRoot = sc.RunAsNonRoot
		for _, g := range sc.SupplementalGroups {
			u.groups = append(u.groups, uint32(g))
		}
		if sc.FSGroup != nil {
			u.groups = append(u.groups, uint32(*sc.FSGroup))
		}
	}
	if sc := c.SecurityContext; sc != nil {
		u = u.with(sc.RunAsUser, sc.RunAsGroup)
		if sc.RunAsNonRoot != nil {
			nonRoot = sc.RunAsNonRoot
		}
	}
	if nonRoot != nil && *nonRoot && u.uid == 0 {
		return user{}, fmt.Errorf("container has runAsNonRoot and image will run as root (pod: %s/%s, container: %s); set runAsUser", pod.Namespace, pod.Name, c.Name)
	}
	return u, nil
}

func (u user) with(uid, gid *int64) user {
	if uid != nil {
		u.uid = uint32(*uid)
	}
	if gid != nil {
		u.gid = uint32(*gid)
	}
	return u
}

// imageUser reads USER of an image: a name or number, and perhaps a group.
func imageUser(image Image) (user, error) {
	if image.User == "" {
		return user{}, nil
	}
	name, group, hasGroup := strings.Cut(image.User, ":")
	uid, gid, err := lookupUser(image.Root, name)
	if err != nil {
		return user{}, err
	}
	if hasGroup {
		if gid, err = lookupGroup(image.Root, group); err != nil {
			return user{}, err
		}
	}
	return user{uid: uid, gid: gid}, nil
}

func lookupUser(root, name string) (uid, gid uint32, err error) {
	number, numberErr := strconv.ParseUint(name, 10, 32)
	err = eachLine(root, "etc/passwd", func(f []string) bool {
		if len(f) < 4 || f[0] != name && (numberErr != nil || f[2] != name) {
			return false
		}
		u, uerr := strconv.ParseUint(f[2], 10, 32)
		g, gerr := strconv.ParseUint(f[3], 10, 32)
		uid, gid = uint32(u), uint32(g)
		return uerr == nil && gerr == nil
	})
	if err != nil && numberErr == nil {
		return uint32(number), 0, nil
	}
	if err != nil {
		return 0, 0, fmt.Errorf("image's user %q: %w", name, err)
	}
	return uid, gid, nil
}

func lookupGroup(root, name string) (uint32, error) {
	if n, err := strconv.ParseUint(name, 10, 32); err == nil {
		return uint32(n), nil
	}
	var gid uint64
	err := eachLine(root, "etc/group", func(f []string) bool {
		if len(f) < 3 || f[0] != name {
			return false
		}
		var err error
		gid, err = strconv.ParseUint(f[2], 10, 32)
		return err == nil
	})
	if err != nil {
		return 0, fmt.Errorf("image's group %q: %w", name, err)
	}
	return uint32(gid), nil
}

// eachLine offers the lines of a file of the image until one is taken.
func eachLine(root, name string, take func(fields []string) bool) error {
	dir, err := os.OpenRoot(root)
	if err != nil {
		return err
	}
	defer dir.Close()
	f, err := dir.Open(name)
	if err != nil {
		return fmt.Errorf("not in the image: %w", err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if take(strings.Split(s.Text(), ":")) {
			return nil
		}
	}
	return fmt.Errorf("not in the image's %s", name)
}
