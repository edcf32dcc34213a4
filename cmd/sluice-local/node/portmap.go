package node

import (
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-dev/sluice/schema/contract"
)

// portMap says where a declared container port really listens.
type portMap map[int32]int32

// real is the port to talk to for a declared one.
func (m portMap) real(declared int32) int32 {
	if p, ok := m[declared]; ok {
		return p
	}
	return declared
}

// variables tells a container its ports: PORT is the first one's, PORT_8080 is
// where 8080 has gone.
func (m portMap) variables(c *corev1.Container) map[string]string {
	vars := map[string]string{}
	for i, p := range c.Ports {
		port := strconv.Itoa(int(m.real(p.ContainerPort)))
		if i == 0 {
			vars[contract.EnvPort] = port
		}
		vars[contract.EnvPort+"_"+strconv.Itoa(int(p.ContainerPort))] = port
	}
	return vars
}

// override replaces a PORT that names a declared port by the real one.
func (m portMap) override(c *corev1.Container, value string) string {
	for _, p := range c.Ports {
		if strconv.Itoa(int(p.ContainerPort)) == value {
			return strconv.Itoa(int(m.real(p.ContainerPort)))
		}
	}
	return value
}

// mapPorts gives every declared port of a pod a real one. A container that is
// told a PORT which it does not declare knows better; its ports stay.
func mapPorts(pod *corev1.Pod, take func() (int, error)) (portMap, error) {
	m := portMap{}
	if pod.Spec.HostNetwork {
		return m, nil
	}
	for _, list := range [][]corev1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
		for i := range list {
			for _, p := range list[i].Ports {
				if _, known := m[p.ContainerPort]; known || knowsBetter(&list[i]) {
					continue
				}
				if p.HostPort != 0 {
					m[p.ContainerPort] = p.HostPort // the machine's, as was asked for
					continue
				}
				port, err := take()
				if err != nil {
					return m, err
				}
				m[p.ContainerPort] = int32(port)
			}
		}
	}
	return m, nil
}

func knowsBetter(c *corev1.Container) bool {
	for _, e := range c.Env {
		if e.Name != contract.EnvPort || e.ValueFrom != nil {
			continue
		}
		for _, p := range c.Ports {
			if strconv.Itoa(int(p.ContainerPort)) == e.Value {
				return false
			}
		}
		return true
	}
	return false
}
