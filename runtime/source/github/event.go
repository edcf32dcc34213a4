package github

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/sluice-dev/sluice/runtime/cloudevents"
	"github.com/sluice-dev/sluice/schema/contract"
)

// typePrefix is Knative's.
const typePrefix = "dev.knative.source.github."

// delivery is one webhook, verified.
type delivery struct {
	id, event string
	payload   []byte
	now       time.Time
}

// payload is what attributes are made of; the data itself is not touched.
type payload struct {
	Action     string
	Number     number
	Ref        string
	RefType    string `json:"ref_type"`
	Repository struct {
		FullName string `json:"full_name"`
		Owner    person
		Name     string
		HTMLURL  string `json:"html_url"`
	}
	Organization person
	Sender       person
	Issue        struct{ Number number }
	PullRequest  struct{ Number number } `json:"pull_request"`
	CheckRun     struct{ ID number }     `json:"check_run"`
	CheckSuite   struct{ ID number }     `json:"check_suite"`
	WorkflowRun  struct{ ID number }     `json:"workflow_run"`
	Release      struct {
		TagName string `json:"tag_name"`
	}
	Label   struct{ Name string }
	Comment struct {
		HTMLURL string `json:"html_url"`
	}
	Pages []struct {
		Name string `json:"page_name"`
	}
}

type person struct{ Login string }

// number is a whole number; "" is anything else.
type number string

// UnmarshalJSON implements json.Unmarshaler.
func (n *number) UnmarshalJSON(b []byte) error {
	if _, err := strconv.ParseInt(string(b), 10, 64); err == nil {
		*n = number(b)
	}
	return nil
}

// cloudEvent makes the event; an error is a payload that is no JSON object.
func (d delivery) cloudEvent(gh contract.GitHubSource) (cloudevents.Event, error) {
	var p payload
	if err := json.Unmarshal(d.payload, &p); err != nil && !isShape(err) {
		return cloudevents.Event{}, fmt.Errorf("the payload is no JSON object: %w", err)
	}
	e := cloudevents.Event{
		ID: d.id, Type: cmp.Or(gh.EventType, typePrefix+d.event), Source: sourceOf(gh, p),
		Time: d.now.UTC().Format(time.RFC3339Nano),
	}
	e.SetData("application/json", d.payload)
	for name, value := range map[string]string{
		"subject": p.subject(d.event), "githubevent": d.event, "owner": cmp.Or(p.Repository.Owner.Login, p.Organization.Login), "repository": p.Repository.Name,
		"sender": p.Sender.Login, "action": p.Action, "ref": p.Ref, "label": p.Label.Name,
	} {
		if value != "" {
			_ = e.Set(name, value) // what no attribute can hold stays in the data
		}
	}
	return e, e.Validate()
}

// isShape is a member of another type than we know: then it is not used.
func isShape(err error) bool {
	shape, ok := err.(*json.UnmarshalTypeError) //nolint:errorlint // returned as it is
	return ok && shape.Field != ""
}

// sourceOf is the repository's address: GitHub's own, or that of an enterprise
// server, as the payload says.
func sourceOf(gh contract.GitHubSource, p payload) string {
	return cmp.Or(p.Repository.HTMLURL, "https://github.com/"+cmp.Or(p.Repository.FullName, gh.Repository))
}

// subject is what the event is about.
func (p payload) subject(event string) string {
	switch event {
	case "push":
		return p.Ref
	case "create", "delete":
		return cmp.Or(p.Ref, p.RefType)
	case "gollum":
		var names []string
		for _, page := range p.Pages {
			names = append(names, page.Name)
		}
		return strings.Join(names, ",")
	case "commit_comment", "issue_comment", "pull_request_review_comment":
		if i := strings.LastIndex(p.Comment.HTMLURL, "/"); i >= 0 {
			return p.Comment.HTMLURL[i+1:]
		}
	case "release":
		return p.Release.TagName
	case "label":
		return p.Label.Name
	}
	return string(cmp.Or(p.PullRequest.Number, p.Issue.Number, p.CheckRun.ID, p.CheckSuite.ID, p.WorkflowRun.ID, p.Number))
}
