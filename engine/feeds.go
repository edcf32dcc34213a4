package engine

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-dev/sluice/engine/build"
	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/engine/plan"
	"github.com/sluice-dev/sluice/engine/render"
	"github.com/sluice-dev/sluice/engine/status"
	"github.com/sluice-dev/sluice/schema/contract"
)

// start is the live Job that started a feed.
type start struct {
	id      manifest.ID
	feed    string
	context string
	phase   build.Phase
	message string
}

// watchFeeds has the Jobs that start feeds observed, where there are feeds, and
// their pods: a pod's last words are the feed's context.
func (e *Engine) watchFeeds() {
	e.feeds = slices.ContainsFunc(e.units, func(u *unit) bool { return len(u.nouns.Feeds) > 0 })
	if e.feeds && e.cfg.Observer != nil {
		e.cfg.Observer.Watch(build.JobKind, podKind)
	}
}

// readStarts finds the starts among the live objects, by name.
func (e *Engine) readStarts(live plan.Live) []start {
	if !e.feeds {
		return nil
	}
	var out []start
	said, failed := map[manifest.ID]string{}, map[manifest.ID]string{}
	for id, o := range live {
		feed := o.Labels[contract.LabelSource]
		switch {
		case feed == "":
		case id.KindOf() == build.JobKind && o.Ours && !o.Terminating:
			out = append(out, readStart(o, feed))
		case id.KindOf() == podKind:
			job := manifest.ID{APIVersion: build.JobKind.APIVersion, Kind: build.JobKind.Kind, Namespace: id.Namespace, Name: o.Labels["batch.kubernetes.io/job-name"]}
			if words, ok := lastWords(o); ok {
				said[job] = words
			} else if words != "" {
				failed[job] = words
			}
		}
	}
	for i := range out {
		if words := said[out[i].id]; words != "" {
			out[i].context = words
		}
		if words := failed[out[i].id]; words != "" {
			out[i].message = words
		}
	}
	slices.SortFunc(out, func(a, b start) int { return a.id.Compare(b.id) })
	return out
}

// readStart judges a Job. Its context was noted on it when its pod had said it:
// pods of Jobs that are done may be gone.
func readStart(o *plan.Object, feed string) start {
	s := start{id: o.ID, feed: feed, phase: build.Running}
	var f contract.Farewell
	if json.Unmarshal([]byte(o.Annotations[contract.AnnotationFarewell]), &f) == nil {
		s.context = f.Env[contract.EnvFeedContext]
	}
	phase, message := build.JobEnd(o)
	if phase != build.Absent {
		s.phase, s.message = phase, message
	}
	return s
}

// lastWords are those of a pod, and whether it has succeeded.
func lastWords(o *plan.Object) (words string, ok bool) {
	var p struct{ Status corev1.PodStatus }
	if json.Unmarshal(o.JSON, &p) != nil {
		return "", false
	}
	for _, c := range p.Status.ContainerStatuses {
		if t := c.State.Terminated; t != nil && t.Message != "" {
			words = strings.TrimSpace(t.Message)
		}
	}
	return words, p.Status.Phase == corev1.PodSucceeded
}

// startsOf are those of a unit's feed.
func (c cluster) startsOf(u *unit) []start {
	if len(u.nouns.Feeds) == 0 {
		return nil
	}
	var out []start
	for _, s := range c.starts {
		if s.id.Namespace == u.namespace() && s.feed == u.nouns.Feeds[0].Name {
			out = append(out, s)
		}
	}
	return out
}

// startFacts says the same in render's words.
func (c cluster) startFacts(u *unit) []render.Start {
	var out []render.Start
	for _, s := range c.startsOf(u) {
		out = append(out, render.Start{Job: s.id.Name, Context: s.context})
	}
	return out
}

// startPrint appends what render is told of a unit's starts.
func (c cluster) startPrint(b []byte, u *unit) []byte {
	for _, s := range c.startsOf(u) {
		b = appendTexts(b, "start", s.id.Name, s.context)
	}
	return b
}

// started is the state of a feed that is started by the Job of that name.
func (s summarizer) started(u *unit, id manifest.ID) (status.State, string) {
	all := s.cluster.startsOf(u)
	i := slices.IndexFunc(all, func(s start) bool { return s.id == id })
	switch {
	case i < 0 || all[i].phase == build.Running && all[i].message == "":
		return status.Progressing, "it is being started"
	case all[i].phase == build.Running:
		return status.Failed, "it is not started yet, and is tried again: " + all[i].message + reads(u)
	case all[i].phase == build.Failed:
		return status.Failed, "it could not be started (" + all[i].message + reads(u) + "); to try again: kubectl -n " + id.Namespace + " delete job " + id.Name
	}
	return status.Ready, ""
}

// reads names the Secret that a feed's program was told: nobody but the program
// knows whether it is right.
func reads(u *unit) string {
	at := u.nouns.Feeds[0].SecretAt
	if at.Path == "" {
		return ""
	}
	return fmt.Sprintf(" [what it read in %s is the Secret of %s:%d:%d: %s]", contract.EnvFeedParameters, u.entry.File, at.Line, at.Column, at.Path)
}
