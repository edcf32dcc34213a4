package forge

import (
	"cmp"
	"slices"
	"strings"

	"github.com/sluice-dev/sluice/engine/status"
)

const (
	// previewed is the context of the status of all that a commit has running
	// beside the trusted branch; each Service has one below it.
	previewed = overall + "/preview"
	// maxHeld bounds the statuses of refs that are not let in: anybody may open
	// as many pull requests as he likes.
	maxHeld = 50
)

// previews are what is to be said of the commits that are previewed, or would
// be: the newest commit of a pull request, say.
func previews(r status.Report) []Status {
	var out []Status
	at, held := map[string]int{}, 0
	for i := range r.Previews {
		p := &r.Previews[i]
		if p.Commit == "" {
			continue
		}
		if !p.Open && !p.Over {
			if held++; held > maxHeld {
				continue
			}
		}
		s := preview(p)
		if j, there := at[p.Commit]; !there {
			at[p.Commit] = len(out)
			out = append(out, s)
		} else if worse(s.State, out[j].State) { // two refs at one commit
			out[j] = s
		}
		out = append(out, services(p)...)
	}
	return out
}

func worse(a, b State) bool {
	order := []State{Success, Pending, Failure}
	return slices.Index(order, a) > slices.Index(order, b)
}

// preview is the status of a ref as a whole.
func preview(p *status.Preview) Status {
	out := Status{Commit: p.Commit, Context: previewed, State: stateOf(p.State), Last: p.Over}
	text := p.Reason
	switch {
	case text != "":
	case len(p.Problems) > 0:
		text = p.Problems[0]
	case len(p.Services) == 0:
		text = "it changes no Service's template: there is nothing to preview"
	default:
		out.URL, text = p.Services[0].URL, answering(p)
	}
	out.Text = line(text)
	return out
}

// answering says where a preview answers, or what it waits for.
func answering(p *status.Preview) string {
	var urls []string
	for i := range p.Services {
		s := &p.Services[i]
		if s.Failed || !s.Ready {
			if stateOf(p.State) == serviceState(s) {
				return s.Identity.Name + ": " + serviceText(s)
			}
			continue
		}
		urls = append(urls, s.URL)
	}
	return "answers at " + strings.Join(urls, ", ")
}

// services are the statuses of what a ref changes, one each.
func services(p *status.Preview) []Status {
	var out []Status
	for i := range p.Services {
		if len(out) == maxSpecs {
			break
		}
		s := &p.Services[i]
		name := strings.TrimPrefix(contextOf(s.Identity), overall)
		out = append(out, Status{Commit: p.Commit, Context: previewed + name, State: serviceState(s), Text: line(serviceText(s)), URL: s.URL})
	}
	return out
}

func serviceState(s *status.Previewed) State {
	switch {
	case s.Failed:
		return Failure
	case !s.Ready:
		return Pending
	}
	return Success
}

func serviceText(s *status.Previewed) string {
	if s.Ready && !s.Failed {
		return cmp.Or(s.Reason, "answers at "+s.URL)
	}
	return cmp.Or(s.Reason, "revision "+s.Revision+" is not ready yet")
}
