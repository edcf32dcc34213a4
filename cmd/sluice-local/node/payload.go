package node

import (
	"context"
	"fmt"
	"path"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
)

// payload is the content of a volume that is made from the API: file name
// (which may hold slashes) to content.
type payload map[string]file

type file struct {
	data []byte
	mode int32
}

// tokens gets a service account's token for a pod, and says when it is to be
// replaced.
type tokens interface {
	token(ctx context.Context, pod *corev1.Pod, spec authenticationv1.TokenRequestSpec) (token string, refresh time.Time, err error)
}

// composer makes payloads. Refresh is when the earliest token in what it made
// should be replaced; zero is never.
type composer struct {
	pod     *corev1.Pod
	from    lookups
	tokens  tokens
	node    corev1.ResourceList
	refresh time.Time
}

// compose makes the payload of a volume; nil for volumes of another kind.
func (c *composer) compose(ctx context.Context, v *corev1.Volume) (payload, error) {
	const defaultMode = 0o644
	out := payload{}
	switch {
	case v.ConfigMap != nil:
		return out, c.configMap(ctx, out, v.ConfigMap.Name, v.ConfigMap.Items, v.ConfigMap.Optional, or(v.ConfigMap.DefaultMode, defaultMode))
	case v.Secret != nil:
		return out, c.secret(ctx, out, v.Secret.SecretName, v.Secret.Items, v.Secret.Optional, or(v.Secret.DefaultMode, defaultMode))
	case v.DownwardAPI != nil:
		return out, c.downward(out, v.DownwardAPI.Items, or(v.DownwardAPI.DefaultMode, defaultMode))
	case v.Projected != nil:
		mode := or(v.Projected.DefaultMode, defaultMode)
		for i := range v.Projected.Sources {
			if err := c.project(ctx, out, &v.Projected.Sources[i], mode); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return nil, nil
}

func (c *composer) project(ctx context.Context, out payload, s *corev1.VolumeProjection, mode int32) error {
	switch {
	case s.ConfigMap != nil:
		return c.configMap(ctx, out, s.ConfigMap.Name, s.ConfigMap.Items, s.ConfigMap.Optional, mode)
	case s.Secret != nil:
		return c.secret(ctx, out, s.Secret.Name, s.Secret.Items, s.Secret.Optional, mode)
	case s.DownwardAPI != nil:
		return c.downward(out, s.DownwardAPI.Items, mode)
	case s.ServiceAccountToken != nil:
		return c.serviceAccountToken(ctx, out, s.ServiceAccountToken, mode)
	}
	return fmt.Errorf("projected source is not known to the process node; use configMap, secret, downwardAPI or serviceAccountToken")
}

func (c *composer) configMap(ctx context.Context, out payload, name string, items []corev1.KeyToPath, opt *bool, mode int32) error {
	cm, err := c.from.configMap(ctx, c.pod.Namespace, name)
	if err != nil {
		if optional(err, opt) {
			return nil
		}
		return err
	}
	data := map[string][]byte{}
	for k, v := range cm.BinaryData {
		data[k] = v
	}
	for k, v := range cm.Data {
		data[k] = []byte(v)
	}
	return pick(out, data, items, opt, mode, "configmap "+name)
}

func (c *composer) secret(ctx context.Context, out payload, name string, items []corev1.KeyToPath, opt *bool, mode int32) error {
	s, err := c.from.secret(ctx, c.pod.Namespace, name)
	if err != nil {
		if optional(err, opt) {
			return nil
		}
		return err
	}
	return pick(out, s.Data, items, opt, mode, "secret "+name)
}

// pick adds all keys or, if items names some, those.
func pick(out payload, data map[string][]byte, items []corev1.KeyToPath, opt *bool, mode int32, subject string) error {
	if items == nil {
		for k, v := range data {
			out[k] = file{v, mode}
		}
		return nil
	}
	for _, item := range items {
		v, ok := data[item.Key]
		if !ok && opt != nil && *opt {
			continue
		}
		if !ok {
			return fmt.Errorf("%s references non-existent key %s", subject, item.Key)
		}
		out[path.Clean(item.Path)] = file{v, or(item.Mode, mode)}
	}
	return nil
}

func (c *composer) downward(out payload, items []corev1.DownwardAPIVolumeFile, mode int32) error {
	for _, item := range items {
		var value string
		var err error
		switch {
		case item.FieldRef != nil:
			value, err = field(c.pod, item.FieldRef.FieldPath)
		case item.ResourceFieldRef != nil:
			value, err = resourceField(c.pod, "", item.ResourceFieldRef, c.node)
		}
		if err != nil {
			return err
		}
		out[path.Clean(item.Path)] = file{[]byte(value), or(item.Mode, mode)}
	}
	return nil
}

func (c *composer) serviceAccountToken(ctx context.Context, out payload, p *corev1.ServiceAccountTokenProjection, mode int32) error {
	spec := authenticationv1.TokenRequestSpec{
		ExpirationSeconds: p.ExpirationSeconds,
		BoundObjectRef:    &authenticationv1.BoundObjectReference{Kind: "Pod", APIVersion: "v1", Name: c.pod.Name, UID: c.pod.UID},
	}
	if p.Audience != "" {
		spec.Audiences = []string{p.Audience}
	}
	token, refresh, err := c.tokens.token(ctx, c.pod, spec)
	if err != nil {
		return err
	}
	out[path.Clean(p.Path)] = file{[]byte(token), mode}
	if c.refresh.IsZero() || refresh.Before(c.refresh) {
		c.refresh = refresh
	}
	return nil
}

func or[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}
