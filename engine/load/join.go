package load

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sluice-dev/sluice/schema"
)

// Join makes one tree of all parts. Where two documents describe the same
// object neither is applied, whatever files they stand in: the cluster keeps
// what it has until one of them is gone.
func Join(parts []Part) Tree {
	var t Tree
	var all []Entry
	for _, p := range parts {
		all = append(all, p.Entries...)
		t.Problems = append(t.Problems, p.Problems...)
		if p.Unreadable {
			t.Unreadable = append(t.Unreadable, p.Path)
		}
		if p.Silent {
			t.Silent = append(t.Silent, p.Path)
		}
	}
	slices.SortFunc(all, Entry.compare)
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].Identity == all[0].Identity {
			n++
		}
		switch {
		case n > 1:
			t.Broken = append(t.Broken, all[0].Identity)
			t.Problems = append(t.Problems, twice(all[:n])...)
		case all[0].Spec == nil:
			t.Broken = append(t.Broken, all[0].Identity)
		default:
			t.Specs = append(t.Specs, all[0])
		}
		all = all[n:]
	}
	slices.Sort(t.Unreadable)
	slices.Sort(t.Silent)
	slices.SortStableFunc(t.Problems, schema.Problem.Compare)
	return t
}

// compare orders entries by identity, then place.
func (e Entry) compare(o Entry) int {
	if c := e.Identity.Compare(o.Identity); c != 0 {
		return c
	}
	if c := strings.Compare(e.File, o.File); c != 0 {
		return c
	}
	return e.Line - o.Line
}

// at is the entry's place as editors read it.
func (e Entry) at() string {
	return fmt.Sprintf("%s:%d:%d", schema.FileName(e.File), e.Line, e.Column)
}

// twice says, of each of several documents with one identity, where the
// others stand.
func twice(same []Entry) []schema.Problem {
	var problems []schema.Problem
	for i, e := range same {
		var others []string
		for j, o := range same {
			if j != i && len(others) < 3 {
				others = append(others, o.at())
			}
		}
		problems = append(problems, schema.Problem{
			File: e.File, Line: e.Line, Column: e.Column, Path: "metadata.name", Identity: e.Identity,
			Text: fmt.Sprintf("%s is described again in %s: neither is applied; remove one or rename it", e.Identity, strings.Join(others, " and ")),
		})
	}
	return problems
}
