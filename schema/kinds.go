package schema

import (
	"fmt"
	"slices"
	"strings"
)

// Any, as APIVersion and Kind of a [Kind], makes it the one that answers for
// documents of no other kind.
const Any = "*"

// Kinds is a table of contents: the kinds that a repository may hold. The
// zero value holds none.
type Kinds struct {
	list  []Kind
	exact map[[2]string]int
	other int // index of the Kind with Any; -1 is none
}

// NewKinds makes the table. Of two entries for one kind the later counts.
func NewKinds(list []Kind) Kinds {
	k := Kinds{list: list, exact: make(map[[2]string]int, len(list)), other: -1}
	for i, kind := range list {
		if kind.Kind == Any {
			k.other = i
			continue
		}
		k.exact[[2]string{kind.APIVersion, kind.Kind}] = i
	}
	return k
}

// Miss says why no kind answers for a document.
type Miss struct {
	// Field is apiVersion or kind, whichever is wrong; empty is no miss.
	Field string
	// Text is a sentence for the document's author.
	Text string
	// Named reports that group and kind are understood, if only in another
	// version: the document's identity can be trusted.
	Named bool
}

// Find looks a document's kind up.
func (k Kinds) Find(apiVersion, kind string) (Kind, Miss) {
	if i, ok := k.exact[[2]string{apiVersion, kind}]; ok {
		return k.list[i], Miss{}
	}
	group := GroupOf(apiVersion)
	if of, versions := k.versions(group, kind); len(versions) > 0 && !of.Foreign {
		return Kind{}, Miss{"apiVersion", fmt.Sprintf("%s is not read for kind %s: write %s", apiVersion, kind, oneOf(versions)), true}
	}
	if names := k.names(group); len(names) > 0 {
		return Kind{}, Miss{"kind", fmt.Sprintf("there is no kind %s in %s%s: it has %s", kind, group, didYouMean(kind, names), strings.Join(names, ", ")), false}
	}
	if near, ok := Nearest(apiVersion, k.apiVersions(kind)); ok {
		return Kind{}, Miss{"apiVersion", fmt.Sprintf("%s is unknown for kind %s: did you mean %s?", apiVersion, kind, near), false}
	}
	if k.other >= 0 {
		return k.list[k.other], Miss{}
	}
	return Kind{}, Miss{"kind", fmt.Sprintf("kind %s of %s is not one that is read", kind, apiVersion), false}
}

// versions lists the apiVersions of one kind of one group, newest last.
func (k Kinds) versions(group, kind string) (of Kind, versions []string) {
	for _, e := range k.list {
		if e.Kind == kind && GroupOf(e.APIVersion) == group {
			of, versions = e, append(versions, e.APIVersion)
		}
	}
	return of, versions
}

// names lists the kinds of a group that is ours.
func (k Kinds) names(group string) []string {
	var names []string
	for _, e := range k.list {
		if e.Kind != Any && !e.Foreign && GroupOf(e.APIVersion) == group && !slices.Contains(names, e.Kind) {
			names = append(names, e.Kind)
		}
	}
	return names
}

// apiVersions lists where a kind of that name stands, whatever the group.
func (k Kinds) apiVersions(kind string) []string {
	var versions []string
	for _, e := range k.list {
		if e.Kind == kind {
			versions = append(versions, e.APIVersion)
		}
	}
	return versions
}

// GroupOf is the group in an apiVersion: empty for `v1`.
func GroupOf(apiVersion string) string {
	group, _, found := strings.Cut(apiVersion, "/")
	if !found {
		return ""
	}
	return group
}

func didYouMean(word string, known []string) string {
	if near, ok := Nearest(word, known); ok {
		return " (did you mean " + near + "?)"
	}
	return ""
}

func oneOf(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}
