package eventing

import (
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

// gitHubSource is a GitHubSource as written.
type gitHubSource struct {
	object `json:",inline"`
	Spec   struct {
		sourceSpec         `json:",inline"`
		ServiceAccountName string    `json:"serviceAccountName,omitempty"`
		OwnerAndRepository string    `json:"ownerAndRepository"`
		EventTypes         []string  `json:"eventTypes"`
		AccessToken        secretRef `json:"accessToken,omitempty"`
		SecretToken        secretRef `json:"secretToken,omitempty"`
		GitHubAPIURL       string    `json:"githubAPIURL,omitempty"`
		Secure             *bool     `json:"secure,omitempty"`
	} `json:"spec"`
}

// repository is `owner/repo`, or `owner` for an organization.
var repository = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,38}(/[A-Za-z0-9._-]{1,100})?$`)

// gitHubEvent is the name of an event: GitHub adds to their list.
var gitHubEvent = regexp.MustCompile(`^[a-z][a-z_]{1,60}$`)

func decodeGitHubSource(doc schema.Document) (schema.Spec, []schema.Problem) {
	return decode(doc, (*check).gitHubSource)
}

func (c *check) gitHubSource(w *gitHubSource) desired.Nouns {
	e := c.emitter("GitHubSource", contract.SourceGitHub, w.Spec.sourceSpec, w.Labels)
	e.ServiceAccount = w.Spec.ServiceAccountName
	g := contract.GitHubSource{Repository: w.Spec.OwnerAndRepository, Events: w.Spec.EventTypes, API: w.Spec.GitHubAPIURL, Secure: w.Spec.Secure != nil && *w.Spec.Secure}
	if c.required("spec.ownerAndRepository", g.Repository, "write owner/repo, or owner for a whole organization") && !repository.MatchString(g.Repository) {
		c.errorf("spec.ownerAndRepository", "%q is no repository: write owner/repo, or owner for a whole organization", short(g.Repository))
	}
	if len(g.Events) == 0 {
		c.errorf("spec.eventTypes", "eventTypes is missing: write GitHub's names of the events, as push or pull_request")
	}
	for i, name := range g.Events {
		if !gitHubEvent.MatchString(name) {
			c.errorf(index("spec.eventTypes", i), "%q is no event of GitHub's: their names are small letters and underscores, as pull_request", short(name))
		}
	}
	if g.API != "" {
		c.absolute("spec.githubAPIURL", g.API)
	}
	e.Env = c.secretEnv(e.Env, contract.EnvGitHubSecret, "spec.secretToken", w.Spec.SecretToken, true)
	e.Env = c.secretEnv(e.Env, contract.EnvGitHubToken, "spec.accessToken", w.Spec.AccessToken, false)
	c.options(w.Annotations).done()
	e.GitHub = &g
	return desired.Nouns{Emitters: []desired.Emitter{e}}
}

// names reads a list of names, separated by commas.
func (c *check) names(path, text string) []string {
	var out []string
	for name := range strings.SplitSeq(text, ",") {
		name = strings.TrimSpace(name)
		if name != "*" && len(validation.IsDNS1123Label(name)) > 0 {
			c.errorf(path, "%q is no namespace: write names separated by commas, or * for all", short(name))
			continue
		}
		out = append(out, name)
	}
	return out
}
