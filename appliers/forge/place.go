package forge

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Kind is a forge's software.
type Kind string

const (
	GitHub Kind = "github"
	GitLab Kind = "gitlab"
	Gitea  Kind = "gitea"
)

// Place is a repository at a forge.
type Place struct {
	Kind Kind
	// API is the root of the forge's API, without a slash at its end.
	API string
	// Path is the repository's, as owner/name.
	Path string
}

// PlaceOf reads a repository's URL (https or ssh, or git@host:path). The kind
// is guessed from the host unless it is given; api overrides where its API is.
func PlaceOf(repository string, kind Kind, api string) (Place, error) {
	host, path := split(repository)
	path = strings.Trim(strings.TrimSuffix(strings.TrimSuffix(path, "/"), ".git"), "/")
	if host == "" || strings.Count(path, "/") < 1 {
		return Place{}, fmt.Errorf("forge: %s is no repository at a forge: want https://HOST/OWNER/NAME or git@HOST:OWNER/NAME", redacted(repository))
	}
	if kind == "" {
		kind = guess(host)
	}
	p := Place{Kind: kind, API: strings.TrimSuffix(api, "/"), Path: path}
	if p.API != "" {
		return p, p.validate(host)
	}
	switch {
	case kind == GitHub && host == "github.com":
		p.API = "https://api.github.com"
	case kind == GitHub:
		p.API = "https://" + host + "/api/v3"
	case kind == GitLab:
		p.API = "https://" + host + "/api/v4"
	case kind == Gitea:
		p.API = "https://" + host + "/api/v1"
	}
	return p, p.validate(host)
}

func (p Place) validate(host string) error {
	switch p.Kind {
	case GitHub, GitLab, Gitea:
		return nil
	case "":
		return fmt.Errorf("forge: cannot tell what software %s runs: say --forge github, gitlab or gitea", host)
	}
	return fmt.Errorf("forge: %q: want github, gitlab or gitea", string(p.Kind))
}

// split gives host and path of the two ways to write a remote.
func split(repository string) (host, path string) {
	if !strings.Contains(repository, "://") {
		before, after, ok := strings.Cut(repository, ":")
		if !ok || strings.Contains(before, "/") {
			return "", ""
		}
		return before[strings.LastIndexByte(before, '@')+1:], after
	}
	u, err := url.Parse(repository)
	if err != nil || u.Scheme == "file" {
		return "", ""
	}
	if u.Scheme == "ssh" {
		return u.Hostname(), u.Path
	}
	return u.Host, u.Path
}

// redacted is the URL without what may be a password.
func redacted(repository string) string {
	scheme, rest, ok := strings.Cut(repository, "://")
	if !ok {
		return repository
	}
	return scheme + "://" + rest[strings.LastIndexByte(rest, '@')+1:]
}

func guess(host string) Kind {
	switch {
	case strings.Contains(host, "github"):
		return GitHub
	case strings.Contains(host, "gitlab"):
		return GitLab
	case strings.Contains(host, "gitea"), strings.Contains(host, "forgejo"), host == "codeberg.org":
		return Gitea
	}
	return ""
}

// words are how a forge spells a failure, and the key of a status's name.
var words = map[Kind]struct{ failure, context string }{
	GitHub: {"failure", "context"},
	GitLab: {"failed", "name"},
	Gitea:  {"failure", "context"},
}

// request is the call that sets a status: GitHub's "Create a commit status",
// GitLab's "Set commit pipeline status", Gitea's repoCreateStatus.
func (p Place) request(ctx context.Context, token string, s Status) (*http.Request, error) {
	state := string(s.State)
	if s.State == Failure {
		state = words[p.Kind].failure
	}
	body := map[string]string{"state": state, "description": s.Text, words[p.Kind].context: s.Context}
	if s.URL != "" {
		body["target_url"] = s.URL
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("forge: %w", err)
	}
	address := p.API + "/repos/" + p.Path + "/statuses/" + s.Commit
	if p.Kind == GitLab {
		address = p.API + "/projects/" + url.PathEscape(p.Path) + "/statuses/" + s.Commit
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(encoded))
	if err != nil {
		return nil, fmt.Errorf("forge: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "sluice")
	switch p.Kind {
	case GitHub:
		r.Header.Set("Accept", "application/vnd.github+json")
		r.Header.Set("X-GitHub-Api-Version", "2022-11-28")
		r.Header.Set("Authorization", "Bearer "+token)
	case GitLab:
		r.Header.Set("PRIVATE-TOKEN", token)
	case Gitea:
		r.Header.Set("Authorization", "token "+token)
	}
	return r, nil
}
