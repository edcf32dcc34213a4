package activator

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sluice-dev/sluice/schema/contract"
)

// endpoint is what a Pod object says, as far as requests are concerned.
type endpoint struct {
	key         Key
	service     string
	name        string
	uid         types.UID
	addr        string // host:port; "" while the pod has no address
	limits      contract.Limits
	ready       bool  // Kubernetes' Ready condition
	terminating bool  // takes no new request
	retiring    bool  // takes one only where no other can
	over        bool  // will never take one again
	restarts    int32 // of all containers together
	scheduled   bool  // it has a node
	started     bool  // a container of it runs
	checks      []check
	probeable   bool // checks are all that readiness depends on
}

// readEndpoint reads a Pod. The error names annotations that cannot be read;
// the endpoint is then built from what the pod's spec says.
func readEndpoint(p *corev1.Pod) (endpoint, error) {
	e := endpoint{
		key:         Key{p.Namespace, p.Labels[contract.LabelRevision]},
		service:     p.Labels[contract.LabelService],
		name:        p.Name,
		uid:         p.UID,
		terminating: p.DeletionTimestamp != nil,
		over:        p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed,
		retiring:    p.Annotations[contract.AnnotationRetiring] == "true",
		ready:       isReady(p),
		scheduled:   p.Spec.NodeName != "",
	}
	for i := range p.Status.ContainerStatuses {
		e.restarts += p.Status.ContainerStatuses[i].RestartCount
		e.started = e.started || p.Status.ContainerStatuses[i].State.Running != nil
	}
	limits, err1 := readLimits(p.Annotations[contract.AnnotationLimits])
	ports, err2 := readPorts(p.Annotations[contract.AnnotationPorts])
	e.limits = limits
	if e.limits.Port == 0 {
		e.limits.Port, e.limits.Protocol = declaredPort(p)
	}
	if p.Status.PodIP != "" {
		e.addr = net.JoinHostPort(p.Status.PodIP, strconv.Itoa(int(ports.real(e.limits.Port))))
		e.checks, e.probeable = readChecks(p, e.limits.Port, ports)
	}
	if err := errors.Join(err1, err2); err != nil {
		return e, fmt.Errorf("pod %s/%s: %w", p.Namespace, p.Name, err)
	}
	return e, nil
}

func isReady(p *corev1.Pod) bool {
	for i := range p.Status.Conditions {
		if c := &p.Status.Conditions[i]; c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// readLimits reads contract.AnnotationLimits; without one there are no limits.
func readLimits(s string) (contract.Limits, error) {
	var l contract.Limits
	if s == "" {
		return l, nil
	}
	if err := json.Unmarshal([]byte(s), &l); err != nil {
		return contract.Limits{}, fmt.Errorf("annotation %s: %w", contract.AnnotationLimits, err)
	}
	if l.ContainerConcurrency < 0 || l.TimeoutSeconds < 0 || l.ResponseStartTimeoutSeconds < 0 || l.IdleTimeoutSeconds < 0 || !validPort(l.Port) && l.Port != 0 {
		return contract.Limits{}, fmt.Errorf("annotation %s: a value is out of range", contract.AnnotationLimits)
	}
	return l, nil
}

func validPort(p int32) bool { return p > 0 && p < 1<<16 }

// realPorts says where declared ports really listen.
type realPorts map[string]int32

func (m realPorts) real(declared int32) int32 {
	if p, ok := m[strconv.Itoa(int(declared))]; ok {
		return p
	}
	return declared
}

// readPorts reads contract.AnnotationPorts.
func readPorts(s string) (realPorts, error) {
	var m realPorts
	if s == "" {
		return m, nil
	}
	if err := json.Unmarshal([]byte(s), &m); err != nil {
		return nil, fmt.Errorf("annotation %s: %w", contract.AnnotationPorts, err)
	}
	for declared, p := range m {
		if !validPort(p) {
			return nil, fmt.Errorf("annotation %s: port %s: %d is no port", contract.AnnotationPorts, declared, p)
		}
	}
	return m, nil
}

// declaredPort is the first container port of the pod, with its protocol.
func declaredPort(p *corev1.Pod) (int32, string) {
	for i := range p.Spec.Containers {
		for _, port := range p.Spec.Containers[i].Ports {
			return port.ContainerPort, port.Name
		}
	}
	return contract.DefaultPort, contract.ProtocolHTTP1
}
