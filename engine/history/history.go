package history

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/sluice-dev/sluice/schema/desired"
)

// Commit is who brought a revision, and when.
type Commit struct {
	Hash   string    `json:"commit"`
	Author string    `json:"author"`
	When   time.Time `json:"when"`
	// Subject is the first line of the message.
	Subject string `json:"subject"`
}

// Revision is one distinct template in the history of a configuration.
type Revision struct {
	// Name is the revision's name, and Ordinal its place from 1.
	Name    string `json:"name"`
	Ordinal int    `json:"ordinal"`
	// Hash is the template's.
	Hash string `json:"hash"`
	// Commit first described it.
	Commit Commit `json:"commit"`
	// Last is the newest commit that described it again after another one (a
	// revert), or equal to Commit.
	Last Commit `json:"last"`
	// Workload can be rendered again when the cluster has lost it.
	Workload desired.Workload `json:"-"`
}

// Alias is the ordinal name that 2018 manifests use: `hello-00001`.
func (r Revision) Alias() string { return Alias(r.Workload.Configuration, r.Ordinal) }

// Alias is `{configuration}-{ordinal, five digits}`, as Knative names revisions.
func Alias(configuration string, ordinal int) string {
	return fmt.Sprintf("%s-%05d", configuration, ordinal)
}

// Ordinal reads an alias of the configuration; ok is false for other names.
func Ordinal(configuration, name string) (n int, ok bool) {
	digits, found := strings.CutPrefix(name, configuration+"-")
	if !found || len(digits) < 5 {
		return 0, false
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n < 1 || Alias(configuration, n) != name {
		return 0, false
	}
	return n, true
}

// Line is the history of one configuration, oldest first. The zero Line has
// no revisions.
type Line struct {
	Revisions []Revision
	current   string
	previous  string
}

// Describe tells the line what a commit described. Call it oldest first; a
// commit that leaves the template as it was changes nothing.
func (l *Line) Describe(c Commit, w desired.Workload) {
	if l.current == w.Revision {
		return
	}
	l.previous, l.current = l.current, w.Revision
	for i := range l.Revisions {
		if l.Revisions[i].Name == w.Revision {
			l.Revisions[i].Last = c
			return
		}
	}
	l.Revisions = append(l.Revisions, Revision{
		Name: w.Revision, Ordinal: len(l.Revisions) + 1, Hash: w.Template.Hash(),
		Commit: c, Last: c, Workload: w,
	})
}

// Find is the revision of that full name or alias.
func (l Line) Find(name string) (Revision, bool) {
	for _, r := range l.Revisions {
		if r.Name == name || r.Alias() == name {
			return r, true
		}
	}
	return Revision{}, false
}

// Names are the revisions' full names, oldest first.
func (l Line) Names() []string {
	names := make([]string, len(l.Revisions))
	for i, r := range l.Revisions {
		names[i] = r.Name
	}
	return names
}

// Previous is the name of the revision that was described before the current
// one; empty if there was none.
func (l Line) Previous() string { return l.previous }

// Current is the name of the revision that the newest commit describes.
func (l Line) Current() string { return l.current }
