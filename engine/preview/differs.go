package preview

import (
	"cmp"
	"maps"
	"reflect"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-dev/sluice/schema/desired"
)

// Differs names the first thing that theirs changes beyond what an untrusted
// ref may change of a trusted template: the image, env and args of its
// containers. It is empty if there is none. An environment variable may be
// given a value, never a secret that the trusted template does not give to the
// same container.
func Differs(trusted, theirs desired.Template) string {
	if what := metadata(trusted, theirs); what != "" {
		return what
	}
	if what := requests(trusted, theirs); what != "" {
		return what
	}
	a, b := trusted.Pod.DeepCopy(), theirs.Pod.DeepCopy()
	for _, lists := range [][2][]corev1.Container{{a.Containers, b.Containers}, {a.InitContainers, b.InitContainers}} {
		if what := containers(lists[0], lists[1]); what != "" {
			return what
		}
	}
	return pod(*a, *b)
}

func metadata(trusted, theirs desired.Template) string {
	switch {
	case !maps.Equal(trusted.Labels, theirs.Labels):
		return "the template's labels"
	case !maps.Equal(trusted.Annotations, theirs.Annotations):
		return "the template's annotations"
	}
	return ""
}

func requests(trusted, theirs desired.Template) string {
	switch {
	case trusted.ContainerConcurrency != theirs.ContainerConcurrency:
		return "containerConcurrency"
	case trusted.TimeoutSeconds != theirs.TimeoutSeconds:
		return "timeoutSeconds"
	case trusted.ResponseStartTimeoutSeconds != theirs.ResponseStartTimeoutSeconds:
		return "responseStartTimeoutSeconds"
	case trusted.IdleTimeoutSeconds != theirs.IdleTimeoutSeconds:
		return "idleTimeoutSeconds"
	}
	return ""
}

// containers compares containers one by one, and takes out of both what may
// differ.
func containers(trusted, theirs []corev1.Container) string {
	if len(trusted) != len(theirs) {
		return "the number of containers"
	}
	for i := range theirs {
		a, b := &trusted[i], &theirs[i]
		if name := foreignSource(a.Env, b.Env); name != "" {
			return "where the environment variable " + name + " comes from"
		}
		for _, c := range []*corev1.Container{a, b} {
			c.Image, c.Env, c.Args = "", nil, nil
		}
		if what := field(*a, *b); what != "" {
			return what + " of container " + cmp.Or(b.Name, "user-container")
		}
	}
	return ""
}

// foreignSource is the first variable that is filled from somewhere the
// trusted container fills none from.
func foreignSource(trusted, theirs []corev1.EnvVar) string {
	for _, e := range theirs {
		known := func(t corev1.EnvVar) bool { return reflect.DeepEqual(t.ValueFrom, e.ValueFrom) }
		if e.ValueFrom != nil && !slices.ContainsFunc(trusted, known) {
			return e.Name
		}
	}
	return ""
}

// pod says what differs beside the containers, in the words of the spec.
func pod(a, b corev1.PodSpec) string {
	a.Containers, b.Containers, a.InitContainers, b.InitContainers = nil, nil, nil, nil
	switch {
	case a.ServiceAccountName != b.ServiceAccountName:
		return "serviceAccountName"
	case !reflect.DeepEqual(a.Volumes, b.Volumes):
		return "volumes"
	}
	return field(a, b)
}

// field names the first field in which two structs differ, as it is written.
func field(a, b any) string {
	va, vb := reflect.ValueOf(a), reflect.ValueOf(b)
	for i := range va.NumField() {
		if !reflect.DeepEqual(va.Field(i).Interface(), vb.Field(i).Interface()) {
			return jsonName(va.Type().Field(i))
		}
	}
	return ""
}
