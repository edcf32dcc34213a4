package node

import (
	"fmt"
	"sort"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// field reads a field of a pod as the downward API names it.
func field(pod *corev1.Pod, path string) (string, error) {
	if key, ok := subscript(path, "metadata.annotations"); ok {
		return pod.Annotations[key], nil
	}
	if key, ok := subscript(path, "metadata.labels"); ok {
		return pod.Labels[key], nil
	}
	switch path {
	case "metadata.name":
		return pod.Name, nil
	case "metadata.namespace":
		return pod.Namespace, nil
	case "metadata.uid":
		return string(pod.UID), nil
	case "metadata.annotations":
		return formatMap(pod.Annotations), nil
	case "metadata.labels":
		return formatMap(pod.Labels), nil
	case "spec.nodeName":
		return pod.Spec.NodeName, nil
	case "spec.serviceAccountName":
		return pod.Spec.ServiceAccountName, nil
	case "status.hostIP", "status.hostIPs":
		return pod.Status.HostIP, nil
	case "status.podIP", "status.podIPs":
		return pod.Status.PodIP, nil
	}
	return "", fmt.Errorf("fieldRef %q: no such field; one of metadata.{name,namespace,uid,labels,annotations}, "+
		"spec.{nodeName,serviceAccountName}, status.{hostIP,hostIPs,podIP,podIPs}", path)
}

// subscript takes key out of base['key'].
func subscript(path, base string) (string, bool) {
	rest, ok := strings.CutPrefix(path, base+"['")
	if !ok {
		return "", false
	}
	return strings.CutSuffix(rest, "']")
}

func formatMap(m map[string]string) string {
	lines := make([]string, 0, len(m))
	for k, v := range m {
		lines = append(lines, k+"="+strconv.Quote(v))
	}
	sort.Strings(lines)
	return strings.Join(lines, "\n")
}

// resourceField reads a container's request or limit, divided and rounded up.
// A limit that is not set is what the node has.
func resourceField(pod *corev1.Pod, own string, sel *corev1.ResourceFieldSelector, node corev1.ResourceList) (string, error) {
	name := sel.ContainerName
	if name == "" {
		name = own
	}
	c := findContainer(pod, name)
	if c == nil {
		return "", fmt.Errorf("resourceFieldRef: no container is named %q", name)
	}
	kind, res, ok := strings.Cut(sel.Resource, ".")
	if !ok {
		return "", fmt.Errorf("resourceFieldRef %q: must begin with limits. or requests.", sel.Resource)
	}
	var q resource.Quantity
	switch kind {
	case "limits":
		q, ok = c.Resources.Limits[corev1.ResourceName(res)]
		if !ok {
			q = node[corev1.ResourceName(res)]
		}
	case "requests":
		q = c.Resources.Requests[corev1.ResourceName(res)]
	default:
		return "", fmt.Errorf("resourceFieldRef %q: must begin with limits. or requests.", sel.Resource)
	}
	return divided(q, sel.Divisor, corev1.ResourceName(res)), nil
}

func divided(q, divisor resource.Quantity, name corev1.ResourceName) string {
	if divisor.IsZero() {
		divisor = resource.MustParse("1")
	}
	a, b := q.Value(), divisor.Value()
	if name == corev1.ResourceCPU {
		a, b = q.MilliValue(), divisor.MilliValue()
	}
	return strconv.FormatInt((a+b-1)/b, 10)
}

func findContainer(pod *corev1.Pod, name string) *corev1.Container {
	for _, list := range [][]corev1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
		for i := range list {
			if list[i].Name == name {
				return &list[i]
			}
		}
	}
	return nil
}
