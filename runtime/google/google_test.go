package google

import (
	"strings"
	"testing"
)

func TestOptions_SayWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		name   string
		access Access
		want   string
	}{
		{"no port", Access{Endpoint: "localhost"}, `endpoint "localhost": write host:port`},
		{"no JSON", Access{Credentials: "sesame"}, "the credentials are no JSON"},
		{"a type that fetches", Access{Credentials: `{"type":"external_account","x":"sesame"}`}, "the credentials' type is none of"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := c.access.Options()
			if err == nil || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "sesame") {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestOptions_AnEmulatorGetsNoCredential(t *testing.T) {
	for _, a := range []Access{{}, {Endpoint: "localhost:8085", Credentials: "no JSON at all"}, {Endpoint: "europe-west1-pubsub.googleapis.com:443"}} {
		if _, err := a.Options(); err != nil {
			t.Errorf("%+v: %v", a, err)
		}
	}
}

func TestProject_IsTheCredentials(t *testing.T) {
	if got := (Access{Credentials: `{"type":"service_account","project_id":"shop"}`}).Project(); got != "shop" {
		t.Errorf("project %q", got)
	}
	if got := (Access{}).Project(); got != "" {
		t.Errorf("project %q of no credential", got)
	}
}
