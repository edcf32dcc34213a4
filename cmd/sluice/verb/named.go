package verb

import (
	"fmt"
	"slices"

	"github.com/sluice-dev/sluice/engine/plan"
	"github.com/sluice-dev/sluice/engine/status"
	"github.com/sluice-dev/sluice/schema"
)

// named leaves of a report what is about the specs of one name, given as NAME
// or NAMESPACE/NAME. The error says that there is none, and what may have been
// meant.
func named(r status.Report, name string) (status.Report, error) {
	missing := unnamed(r, name) // about takes the others away
	r = about(r, name)
	if len(r.Specs)+len(r.Farewells) == 0 {
		return r, missing
	}
	return r, nil
}

// about is named where there may be nothing.
func about(r status.Report, name string) status.Report {
	is := func(id schema.Identity) bool { return id.Name == name || id.Namespace+"/"+id.Name == name }
	r.Specs = slices.DeleteFunc(r.Specs, func(s status.Spec) bool { return !is(s.Identity) })
	r.Problems = slices.DeleteFunc(r.Problems, func(p schema.Problem) bool { return !is(p.Identity) })
	r.Farewells = slices.DeleteFunc(r.Farewells, func(f status.Farewell) bool { return !is(f.Spec) })
	r.Holds = slices.DeleteFunc(r.Holds, func(h plan.Hold) bool { return !is(h.Unit) })
	return r
}

func unnamed(r status.Report, name string) error {
	var names []string
	for _, s := range r.Specs {
		id := s.Identity
		for _, v := range s.Revisions {
			if v.Name == name || id.Namespace+"/"+v.Name == name {
				return fmt.Errorf("%s is a revision: ask for %s/%s, which it belongs to", name, id.Namespace, id.Name)
			}
		}
		names = append(names, id.Name, id.Namespace+"/"+id.Name)
	}
	if near, ok := schema.Nearest(name, names); ok {
		return fmt.Errorf("%s: no spec of that name: did you mean %s? `sluice status` lists all", name, near)
	}
	return fmt.Errorf("%s: no spec of that name; `sluice status` lists all", name)
}
