package engine

import (
	"fmt"
	"strings"

	"github.com/sluice-dev/sluice/engine/status"
)

// previewReport is what is said of previews, with what the cluster knows of
// them.
func (e *Engine) previewReport(c cluster) []status.Preview {
	p := e.previews
	out := make([]status.Preview, 0, len(p.list)+1)
	held := e.heldPreviews()
	for _, v := range p.list {
		services := v.Services
		v.Services = nil
		for _, s := range services {
			v.Services = append(v.Services, e.previewedNow(s, c, held))
		}
		if v.Open {
			v.Judge()
		}
		out = append(out, v)
	}
	if p.cut > 0 {
		why := "as many are open as it allows (previews.most)"
		if p.full {
			why = fmt.Sprintf("%d newer ones are not open: list fewer under previews.refs", seenMost)
		}
		out = append(out, status.Preview{Ref: "refs", State: status.Ready, Reason: fmt.Sprintf("%d more refs match the policy of previews and are not looked at: %s", p.cut, why)})
	}
	return out
}

// previewedNow is how one previewed Service fares.
func (e *Engine) previewedNow(s status.Previewed, c cluster, held map[revisionKey]string) status.Previewed {
	key := revisionKey{s.Identity.Namespace, s.Revision}
	if r, ok := c.names()[key]; ok {
		s.Ready = r.ready
		if why := troubleText(r); why != "" {
			s.Failed, s.Reason = !r.ready, why
		}
	} else if b := e.asideReason(c, key); b.text != "" {
		s.Failed, s.Reason = b.failed, b.text
	}
	if why := held[key]; why != "" {
		s.Failed, s.Percent, s.Reason = true, 0, "it is on hold, without a share, until another template comes: "+why
	}
	return s
}

// heldPreviews are the previews that have lost their share, and why.
func (e *Engine) heldPreviews() map[revisionKey]string {
	held := map[revisionKey]string{}
	if len(e.previews.of) == 0 {
		return held
	}
	for _, u := range e.units {
		for _, routing := range u.result.Routes {
			for share, s := range routing.Rollouts {
				if s.Held != nil && strings.HasPrefix(share, "preview/") {
					held[revisionKey{u.namespace(), s.Held.Revision}] = s.Held.Why
				}
			}
		}
	}
	return held
}
