package github

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/sluice-dev/sluice/schema/contract"
)

const (
	defaultAPI  = "https://api.github.com"
	callTimeout = 20 * time.Second
	pageSize    = 100
)

// Hooks registers and removes the webhook of a source.
type Hooks struct {
	Source contract.GitHubSource
	// Token may administer hooks; Secret signs deliveries.
	Token, Secret string
	// Client makes the calls. Default: http.DefaultClient.
	Client *http.Client
}

// hook is GitHub's.
type hook struct {
	ID     int64      `json:"id,omitempty"`
	Name   string     `json:"name"`
	Active bool       `json:"active"`
	Events []string   `json:"events"`
	Config hookConfig `json:"config"`
}

type hookConfig struct {
	URL         string `json:"url"`
	ContentType string `json:"content_type"`
	InsecureSSL string `json:"insecure_ssl"`
	Secret      string `json:"secret,omitempty"`
}

// Ensure registers the hook, or makes the one with our URL as it should be.
func (h Hooks) Ensure(ctx context.Context) error {
	existing, err := h.find(ctx)
	if err != nil {
		return err
	}
	want := hook{Name: "web", Active: true, Events: h.Source.Events, Config: hookConfig{
		URL: h.Source.Hook, ContentType: "json", InsecureSSL: "0", Secret: h.Secret,
	}}
	if len(want.Events) == 0 {
		want.Events = []string{"*"}
	}
	if existing != nil {
		// The secret cannot be read back, so it is always written.
		return h.call(ctx, http.MethodPatch, fmt.Sprintf("/hooks/%d", existing.ID), want, nil)
	}
	return h.call(ctx, http.MethodPost, "/hooks", want, nil)
}

// Remove removes the hook with our URL; that there is none is fine.
func (h Hooks) Remove(ctx context.Context) error {
	existing, err := h.find(ctx)
	if err != nil || existing == nil {
		return err
	}
	return h.call(ctx, http.MethodDelete, fmt.Sprintf("/hooks/%d", existing.ID), nil, nil)
}

// find returns the hook with our URL, or nil. Others are not touched.
func (h Hooks) find(ctx context.Context) (*hook, error) {
	for page := 1; ; page++ {
		var hooks []hook
		if err := h.call(ctx, http.MethodGet, fmt.Sprintf("/hooks?per_page=%d&page=%d", pageSize, page), nil, &hooks); err != nil {
			return nil, err
		}
		if i := slices.IndexFunc(hooks, func(k hook) bool { return k.Config.URL == h.Source.Hook }); i >= 0 {
			return &hooks[i], nil
		}
		if len(hooks) < pageSize {
			return nil, nil
		}
	}
}

func (h Hooks) call(ctx context.Context, method, path string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	body := &bytes.Buffer{}
	if in != nil {
		if err := json.NewEncoder(body).Encode(in); err != nil {
			return err
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, h.address()+path, body)
	if err != nil {
		return fmt.Errorf("github: %w", err)
	}
	r.Header.Set("Accept", "application/vnd.github+json")
	r.Header.Set("Authorization", "Bearer "+h.Token)
	r.Header.Set("X-GitHub-Api-Version", "2022-11-28")
	client := h.Client
	if client == nil {
		client = http.DefaultClient
	}
	answer, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("github: %w", err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 10<<20))
	if err != nil {
		return fmt.Errorf("github: %w", err)
	}
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("github: %s %s: %s: %s%s", method, r.URL.Path, answer.Status, message(text), advice(answer.StatusCode))
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(text, out)
}

// address is where the hooks of a repository, or of an organization, are.
func (h Hooks) address() string {
	api := strings.TrimSuffix(h.Source.API, "/")
	if api == "" {
		api = defaultAPI
	}
	if strings.Contains(h.Source.Repository, "/") {
		return api + "/repos/" + h.Source.Repository
	}
	return api + "/orgs/" + h.Source.Repository
}

func message(body []byte) string {
	var m struct{ Message string }
	_ = json.Unmarshal(body, &m)
	return m.Message
}

func advice(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "; is the access token still valid?"
	case http.StatusForbidden, http.StatusNotFound:
		return "; does the access token have admin:repo_hook (admin:org_hook) there?"
	}
	return ""
}
