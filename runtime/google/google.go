package google

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// domain is that of the services' own endpoints; any other is an emulator's.
const domain = ".googleapis.com"

// Access is how to reach a service.
type Access struct {
	// Credentials is the JSON of a service account's key, or of another
	// credential. "": the machine's own (Workload Identity).
	Credentials string
	// Endpoint is a region's (europe-west1-pubsub.googleapis.com:443), or
	// host:port of an emulator, spoken to in plain text and without
	// credentials. "": the service's.
	Endpoint string
}

// Options are those of a client.
func (a Access) Options() ([]option.ClientOption, error) {
	options := []option.ClientOption{option.WithTelemetryDisabled(), option.WithUserAgent("sluice")}
	if a.Endpoint != "" {
		host, _, err := net.SplitHostPort(a.Endpoint)
		if err != nil {
			return nil, fmt.Errorf("endpoint %q: write host:port", a.Endpoint)
		}
		options = append(options, option.WithEndpoint(a.Endpoint))
		if !strings.HasSuffix(host, domain) {
			plain := grpc.WithTransportCredentials(insecure.NewCredentials())
			return append(options, option.WithoutAuthentication(), option.WithGRPCDialOption(plain)), nil
		}
	}
	if a.Credentials == "" {
		return options, nil
	}
	c, err := a.credential()
	if err != nil {
		return nil, err
	}
	return append(options, option.WithAuthCredentialsJSON(c.Type, []byte(a.Credentials))), nil
}

// Project is the one that the credential is of; "" where it does not say.
func (a Access) Project() string {
	c, _ := a.credential() // what is wrong with it is told by Options
	return c.Project
}

// Refused keeps what a library says of a credential out of an error: it may
// quote it.
func (a Access) Refused(err error) error {
	if a.Credentials != "" {
		return errors.New("the credentials cannot be used; give the JSON of a service account's key as Google wrote it")
	}
	return err
}

// kinds of credentials that are taken. Those that make the library fetch from an
// address that they name themselves are left out.
var kinds = []option.CredentialsType{option.ServiceAccount, option.AuthorizedUser}

type credential struct {
	Type    option.CredentialsType `json:"type"`
	Project string                 `json:"project_id"`
}

func (a Access) credential() (credential, error) {
	var c credential
	if json.Unmarshal([]byte(a.Credentials), &c) != nil {
		return c, errors.New("the credentials are no JSON; give a service account's key as Google wrote it")
	}
	if !slices.Contains(kinds, c.Type) {
		return c, fmt.Errorf("the credentials' type is none of %q", kinds)
	}
	return c, nil
}
