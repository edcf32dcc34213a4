package serving

import (
	"regexp"

	"k8s.io/apimachinery/pkg/util/validation"
)

// validate checks the route as Knative's admission does.
func (r *Route) validate(c *check) {
	c.routeMetadata(r.labels, r.annotations, "the template of the Service or Configuration")
	for _, t := range r.traffic {
		if t.ConfigurationName == "" && t.RevisionName == "" && t.GitRef == "" {
			c.errorf(t.path, "a target of a Route names whom it sends to: write configurationName or revisionName")
		}
		if t.GitRef != "" {
			c.errorf(t.path+".gitRef", "only a Service knows what a Git ref describes: write revisionName, or use the traffic of a Service")
		}
	}
	c.traffic(r.id.Name, r.traffic, "")
}

// traffic checks the targets together. A Service's own revisions are the only
// ones it may name; owner is empty for a Route.
func (c *check) traffic(route string, traffic []placed, owner string) {
	sum, tags := int64(0), map[string]string{}
	for _, t := range traffic {
		c.target(t, owner)
		c.tag(t, route, tags)
		sum += min(max(t.percent(), -100), 1000)
	}
	if len(traffic) == 0 {
		c.errorf("spec.traffic", "traffic is missing: write at least one target with percent: 100")
	} else if sum != 100 {
		c.errorf(sumPath(traffic), "the percents sum to %d; they have to sum to 100", sum)
	}
}

// sumPath is where the sum is complained of: the list, not one target.
func sumPath(traffic []placed) string {
	path := traffic[0].path
	for i := len(path) - 1; i > 0; i-- {
		if path[i] == '[' {
			return path[:i]
		}
	}
	return path
}

func (c *check) target(t placed, owner string) {
	c.between(t.path+".percent", t.Percent, 0, 100)
	named := 0
	for _, name := range []string{t.RevisionName, t.ConfigurationName, t.GitRef} {
		if name != "" {
			named++
		}
	}
	if named > 1 {
		c.errorf(t.path, "a target sends to one: keep one of revisionName, configurationName and gitRef")
	}
	if t.LatestRevision != nil {
		switch pinned := t.RevisionName != "" || t.GitRef != ""; {
		case *t.LatestRevision && pinned:
			c.errorf(t.path+".latestRevision", "the latest revision and a named one exclude each other: leave latestRevision out, or the name")
		case !*t.LatestRevision && !pinned:
			c.errorf(t.path+".latestRevision", "if not to the latest revision, then to which? write revisionName or gitRef")
		}
	}
	if t.URL != "" {
		c.errorf(t.path+".url", "is written by the platform: leave it out")
	}
	if t.GitRef != "" && !gitRef.MatchString(t.GitRef) {
		c.errorf(t.path+".gitRef", "%q is no tag, branch or commit", short(t.GitRef))
	}
	c.revisionName(t.path+".revisionName", t.RevisionName, owner)
}

// gitRef is what may be a tag, branch or commit.
var gitRef = regexp.MustCompile(`^[A-Za-z0-9_]+(?:[./+-][A-Za-z0-9_+-]+)*$`)

// revisionName checks a revision's name, full or by ordinal.
func (c *check) revisionName(path, name, owner string) {
	if name == "" {
		return
	}
	if len(validation.IsDNS1035Label(name)) > 0 {
		c.errorf(path, "%q is no revision's name: lower-case letters, digits and dashes, at most 63 characters", name)
	} else if owner != "" && !hasOwner(name, owner) {
		c.errorf(path, "revision %s is not one of this Service's: their names begin with %s-", name, owner)
	}
}

func hasOwner(revision, owner string) bool {
	return len(revision) > len(owner)+1 && revision[:len(owner)+1] == owner+"-"
}

// tag checks that a tag is fit to be the first part of a host, and unique.
func (c *check) tag(t placed, route string, seen map[string]string) {
	if t.Tag == "" {
		return
	}
	path := t.path + ".tag"
	if len(validation.IsDNS1035Label(t.Tag)) > 0 {
		c.errorf(path, "%q is no DNS-1035 label: a tag becomes a host name; use lower-case letters, digits and dashes, begin with a letter", t.Tag)
		return
	}
	if host := t.Tag + "-" + route; len(host) > 63 {
		c.errorf(path, "the host %s would have %d characters; a DNS label has at most 63: shorten the tag", host, len(host))
	}
	if first, taken := seen[t.Tag]; taken {
		c.errorf(path, "the tag %s is taken by %s", t.Tag, first)
		return
	}
	seen[t.Tag] = t.path
}
