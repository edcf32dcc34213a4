package render

import (
	"fmt"

	"github.com/sluice-dev/sluice/schema/desired"
)

// Ref is what a Git ref describes of the unit's Service.
type Ref struct {
	// Workload is the revision that it describes.
	Workload *desired.Workload
	// Problem says why there is none, or why it is not taken.
	Problem string
	// Waits says what of its image is not built yet; until then it is not made.
	Waits string
}

// ref is a target that names a Git ref. While what a branch describes now is
// not ready, the share stays with what it described before.
func (out *Routing) ref(u Unit, r desired.Route, t desired.Target, s Share, res *Result) (Share, string, bool) {
	ref, read := u.Refs[t.GitRef]
	if ref.Problem != "" {
		res.Problems = append(res.Problems, Trouble{t.Path, fmt.Sprintf("gitRef %q: %s", t.GitRef, ref.Problem)})
	}
	if ref.Workload == nil {
		wait := ""
		if !read {
			wait = fmt.Sprintf("gitRef %q is not read yet", t.GitRef)
		}
		return s, wait, false
	}
	if ref.Waits == "" {
		out.revive = append(out.revive, *ref.Workload)
	}
	name := ref.Workload.Revision
	fact := u.Facts.Revisions[name]
	if fact.Ready {
		return out.refReady(t, s, name), "", true
	}
	wait := fmt.Sprintf("revision %s of gitRef %s is not ready%s", name, t.GitRef, because(fact))
	if ref.Waits != "" {
		wait = fmt.Sprintf("revision %s of gitRef %s waits for its image: %s", name, t.GitRef, ref.Waits)
	}
	before := u.Facts.Routed[r.Name].RefReady[t.GitRef]
	if !u.Facts.Revisions[before].Ready {
		return s, wait, false
	}
	return out.refReady(t, s, before), wait + "; its traffic stays on " + before, true
}

func (out *Routing) refReady(t desired.Target, s Share, name string) Share {
	if out.RefReady == nil {
		out.RefReady = map[string]string{}
	}
	s.Revision, out.RefReady[t.GitRef] = name, name
	return s
}
