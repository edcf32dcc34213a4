package creds

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sluice-dev/sluice/runtime/build/registries"
)

// dockerConfig is $HOME/.docker/config.json.
type dockerConfig struct {
	Auths map[string]json.RawMessage `json:"auths"`
}

// docker writes who we are for registries. Later Secrets do not replace what
// earlier ones say of a registry.
func (s Step) docker(all []use) error {
	config := dockerConfig{Auths: map[string]json.RawMessage{}}
	for _, u := range all {
		user, err := s.value(u.secret, "username")
		if err != nil {
			return err
		}
		password, err := s.value(u.secret, "password")
		if err != nil {
			return err
		}
		auth, err := json.Marshal(map[string]string{
			"auth":  base64.StdEncoding.EncodeToString([]byte(user + ":" + password)),
			"email": "not@val.id",
		})
		if err != nil {
			return err
		}
		config.Auths[u.url] = auth
	}
	for _, secret := range s.DockerConfigs {
		text, err := s.value(secret, ".dockerconfigjson")
		if err != nil {
			return err
		}
		var more dockerConfig
		if json.Unmarshal([]byte(text), &more) != nil { // its error could quote the text
			return fmt.Errorf("the Secret %s: .dockerconfigjson is no docker config", secret)
		}
		for registry, auth := range more.Auths {
			if _, known := config.Auths[registry]; !known {
				config.Auths[registry] = auth
			}
		}
	}
	if len(config.Auths) == 0 {
		return nil
	}
	b, err := json.Marshal(config)
	if err != nil {
		return err
	}
	return s.write(".docker/config.json", string(b), 0o644)
}

// registries writes where registries answer, in the form that buildah and
// other tools of its family read.
func (s Step) registries() error {
	table := registries.Parse(s.Registries)
	if len(table) == 0 {
		return nil
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(table)) {
		host, insecure := strings.CutPrefix(table[name], "http://")
		fmt.Fprintf(&b, "[[registry]]\nprefix = %q\nlocation = %q\ninsecure = %v\n", name, strings.TrimPrefix(host, "https://"), insecure)
	}
	return s.write(".config/containers/registries.conf", b.String(), 0o644)
}
