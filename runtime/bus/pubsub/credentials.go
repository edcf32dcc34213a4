package pubsub

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/api/option"
)

// kinds of credentials that are taken. Those that make the library fetch from an
// address that they name themselves are left out.
var kinds = []option.CredentialsType{option.ServiceAccount, option.AuthorizedUser}

// kindOf reads the type of a credential.
func kindOf(credentials string) (option.CredentialsType, error) {
	var c struct {
		Type option.CredentialsType `json:"type"`
	}
	if json.Unmarshal([]byte(credentials), &c) != nil {
		return "", errors.New("pubsub: the credentials are no JSON; give a service account's key as Google wrote it")
	}
	if !slices.Contains(kinds, c.Type) {
		return "", fmt.Errorf("pubsub: the credentials' type is none of %q", kinds)
	}
	return c.Type, nil
}
