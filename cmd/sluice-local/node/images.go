package node

import (
	"context"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
)

// imageCache remembers what was pulled in this run of the node.
type imageCache struct {
	images Images

	mu    sync.Mutex // guards known
	known map[string]Image
}

// pull gets an image by its policy; present says that it was here already.
func (i *imageCache) pull(ctx context.Context, ref string, policy corev1.PullPolicy) (image Image, present bool, err error) {
	if policy == corev1.PullIfNotPresent || policy == corev1.PullNever {
		i.mu.Lock()
		image, present = i.known[ref]
		i.mu.Unlock()
		if present {
			return image, true, nil
		}
	}
	image, err = i.images.Pull(ctx, ref)
	if err != nil {
		return Image{}, false, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.known[ref] = image
	return image, policy == corev1.PullNever, nil
}

// imageID is how a status names exactly what runs.
func imageID(image Image) string {
	name := image.Ref
	if at := strings.IndexByte(name, '@'); at >= 0 {
		name = name[:at]
	}
	if colon := strings.LastIndexByte(name, ':'); colon > strings.LastIndexByte(name, '/') {
		name = name[:colon]
	}
	return name + "@" + image.Digest
}
