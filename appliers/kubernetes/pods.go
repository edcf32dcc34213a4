package kubernetes

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/sluice-dev/sluice/engine/plan"
	"github.com/sluice-dev/sluice/schema/contract"
)

// PodsConfig says where the pods are.
type PodsConfig struct {
	// API is the server. Required.
	API *API
	// Most is how many pods of a revision are looked at. Default 20.
	Most int
}

// Pods says why the pods of a revision are not ready. It asks when it is
// asked; pods are too many and change too often to be observed for this.
type Pods struct{ cfg PodsConfig }

// NewPods makes one.
func NewPods(cfg PodsConfig) (*Pods, error) {
	if cfg.API == nil {
		return nil, errors.New("kubernetes: PodsConfig.API is required")
	}
	if cfg.Most <= 0 {
		cfg.Most = 20
	}
	return &Pods{cfg: cfg}, nil
}

// Trouble is the worst of what is wrong with a revision's pods, or nothing:
// all are ready, or on their way.
func (p *Pods) Trouble(ctx context.Context, namespace, revision string) (plan.Trouble, error) {
	query := url.Values{"labelSelector": {contract.LabelRevision + "=" + revision}, "limit": {fmt.Sprint(p.cfg.Most)}}
	raw, err := p.cfg.API.do(ctx, http.MethodGet, "/api/v1/namespaces/"+url.PathEscape(namespace)+"/pods?"+query.Encode(), "", nil)
	if apierrors.IsNotFound(err) {
		return plan.Trouble{}, nil
	}
	if err != nil {
		return plan.Trouble{}, fmt.Errorf("pods of %s/%s: %w", namespace, revision, err)
	}
	var list corev1.PodList
	if err := json.Unmarshal(raw, &list); err != nil {
		return plan.Trouble{}, fmt.Errorf("pods of %s/%s: %w", namespace, revision, err)
	}
	var worst ranked
	for i := range list.Items {
		if t := troubleOf(&list.Items[i]); t.rank > worst.rank {
			worst = t
		}
	}
	return worst.Trouble, nil
}

// ranked is a trouble and how much it says: what a container died of says
// more than that it is being started again, and that more than a wait for a node.
type ranked struct {
	plan.Trouble
	rank int
}

const (
	rankNone = iota
	rankUnscheduled
	rankUnready
	rankWaiting
	rankEvicted
	rankExited
)

func troubleOf(pod *corev1.Pod) ranked {
	if pod.DeletionTimestamp != nil {
		return ranked{}
	}
	var worst ranked
	consider := func(t ranked) {
		if t.rank > worst.rank {
			worst = t
		}
	}
	if pod.Status.Phase == corev1.PodFailed && pod.Status.Reason != "" {
		consider(ranked{plan.Trouble{Reason: pod.Status.Reason, Message: oneLine(pod.Status.Message)}, rankEvicted})
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			consider(ranked{plan.Trouble{Reason: cmp.Or(c.Reason, "Unschedulable"), Message: oneLine(c.Message)}, rankUnscheduled})
		}
	}
	for _, c := range pod.Status.InitContainerStatuses {
		consider(troubleIn(c, "init container "+c.Name))
	}
	for _, c := range pod.Status.ContainerStatuses {
		consider(troubleIn(c, "container "+c.Name))
		if c.State.Running != nil && !c.Ready {
			consider(ranked{plan.Trouble{Message: "container " + c.Name + " runs but does not pass its readiness check yet" + asked(pod, c.Name)}, rankUnready})
		}
	}
	return worst
}

// asked says, behind a colon, what a container's readiness check asks: not the
// query or the arguments, which may hold a secret.
func asked(pod *corev1.Pod, container string) string {
	i := slices.IndexFunc(pod.Spec.Containers, func(c corev1.Container) bool { return c.Name == container })
	if i < 0 || pod.Spec.Containers[i].ReadinessProbe == nil {
		return ""
	}
	what := ""
	switch p := pod.Spec.Containers[i].ReadinessProbe; {
	case p.HTTPGet != nil:
		path, _, _ := strings.Cut(p.HTTPGet.Path, "?")
		what = fmt.Sprintf("GET %s at port %s", path, p.HTTPGet.Port.String())
	case p.TCPSocket != nil:
		what = "a connection to port " + p.TCPSocket.Port.String()
	case p.GRPC != nil:
		what = fmt.Sprintf("gRPC health at port %d", p.GRPC.Port)
	case p.Exec != nil && len(p.Exec.Command) > 0:
		what = "the command " + p.Exec.Command[0]
	default:
		return ""
	}
	return ": " + oneLine(what)
}

// starting are reasons to wait that are no trouble.
var starting = map[string]bool{"": true, "ContainerCreating": true, "PodInitializing": true}

func troubleIn(c corev1.ContainerStatus, name string) ranked {
	last := c.State.Terminated
	if last == nil {
		last = c.LastTerminationState.Terminated
	}
	if last != nil && last.ExitCode != 0 && !c.Ready {
		reason := last.Reason
		if w := c.State.Waiting; w != nil && !starting[w.Reason] {
			reason = w.Reason
		}
		return ranked{plan.Trouble{Reason: cmp.Or(reason, "Error"), Message: exited(name, c.RestartCount, last)}, rankExited}
	}
	if last != nil && !c.Ready && c.State.Waiting != nil && !starting[c.State.Waiting.Reason] {
		return ranked{plan.Trouble{Reason: c.State.Waiting.Reason, Message: exited(name, c.RestartCount, last)}, rankExited}
	}
	if w := c.State.Waiting; w != nil && !starting[w.Reason] {
		return ranked{plan.Trouble{Reason: w.Reason, Message: said(name+" is waiting", w.Message)}, rankWaiting}
	}
	return ranked{}
}

// exited reads `container app exited with code 1 (3 restarts): cannot open config`.
func exited(name string, restarts int32, last *corev1.ContainerStateTerminated) string {
	text := fmt.Sprintf("%s exited with code %d", name, last.ExitCode)
	switch {
	case last.Reason == "OOMKilled":
		text = name + " was killed because it used more memory than its limit"
	case last.ExitCode == 0:
		text = name + " exited with code 0, but a server must keep running"
	case last.Signal != 0:
		text = fmt.Sprintf("%s was ended by signal %d", name, last.Signal)
	}
	if restarts == 1 {
		text += " (1 restart)"
	} else if restarts > 1 {
		text += fmt.Sprintf(" (%d restarts)", restarts)
	}
	return said(text, last.Message)
}

// said adds the last line of what was said.
func said(text, message string) string {
	if words := lastLine(message); words != "" {
		return text + ": " + words
	}
	return text
}

const mostWords = 300

func lastLine(message string) string {
	message = strings.TrimSpace(message)
	if i := strings.LastIndexByte(message, '\n'); i >= 0 {
		message = strings.TrimSpace(message[i+1:])
	}
	return oneLine(message)
}

// oneLine is printable text of bounded length: a container may say anything.
func oneLine(message string) string { return clip(message, mostWords) }

// clip is printable text of at most that many runes.
func clip(message string, most int) string {
	message = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(message, "?"))
	message = strings.TrimSpace(message)
	if runes := []rune(message); len(runes) > most {
		message = string(runes[:most]) + "..."
	}
	return message
}
