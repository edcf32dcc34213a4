package fetch

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
	gitssh "github.com/go-git/go-git/v5/plumbing/transport/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/sluice-dev/sluice/runtime/build/creds"
)

// auth finds the credentials for the URL among those that creds has written.
func (g Git) auth() (transport.AuthMethod, []byte, error) {
	at, err := transport.NewEndpoint(g.URL)
	if err != nil {
		return nil, nil, err
	}
	if at.Protocol == "ssh" {
		auth, err := g.sshAuth(at)
		return auth, nil, err
	}
	ca, err := os.ReadFile(filepath.Join(g.Home, creds.CAFile))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, nil, err
	}
	basic, err := g.basicAuth(at)
	if basic == nil { // an interface that holds a nil pointer is not nil
		return nil, ca, err
	}
	return basic, ca, err
}

// basicAuth reads .git-credentials: a URL a line, the first that fits counts.
func (g Git) basicAuth(at *transport.Endpoint) (*githttp.BasicAuth, error) {
	f, err := os.Open(filepath.Join(g.Home, ".git-credentials"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	want := (&url.URL{Scheme: at.Protocol, Host: hostPort(at)}).String()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		u, err := url.Parse(lines.Text())
		if err != nil || u.User == nil { // its error would quote the password
			continue
		}
		user := u.User
		u.User = nil
		if strings.HasPrefix(strings.TrimSuffix(want+at.Path, ".git")+"/", strings.TrimSuffix(u.String(), "/")+"/") {
			password, _ := user.Password()
			return &githttp.BasicAuth{Username: user.Username(), Password: password}, nil
		}
	}
	return nil, nil
}

func hostPort(at *transport.Endpoint) string {
	if at.Port == 0 || at.Protocol == "https" && at.Port == 443 || at.Protocol == "http" && at.Port == 80 {
		return at.Host
	}
	return fmt.Sprintf("%s:%d", at.Host, at.Port)
}

// sshAuth reads which key is for the host, and by what the host is known.
func (g Git) sshAuth(at *transport.Endpoint) (transport.AuthMethod, error) {
	key, err := identityFor(filepath.Join(g.Home, ".ssh", "config"), at.Host)
	if err != nil {
		return nil, err
	}
	if key == "" {
		return nil, fmt.Errorf("there is no key for %s: give the build's ServiceAccount a Secret of type kubernetes.io/ssh-auth with known_hosts, annotated with build.knative.dev/git-0: %s", at.Host, at.Host)
	}
	user := at.User
	if user == "" {
		user = "git"
	}
	auth, err := gitssh.NewPublicKeysFromFile(user, key, "")
	if err != nil {
		return nil, fmt.Errorf("the key for %s cannot be read: %w", at.Host, err)
	}
	known, err := gitssh.NewKnownHostsDb(filepath.Join(g.Home, ".ssh", "known_hosts"))
	if err != nil {
		return nil, fmt.Errorf("known_hosts cannot be read: %w", err)
	}
	// A host has keys of several kinds, and shows the one that it is asked for.
	auth.HostKeyCallback, auth.HostKeyAlgorithms = known.HostKeyCallback(), known.HostKeyAlgorithms(fmt.Sprintf("%s:%d", at.Host, cmp.Or(at.Port, 22)))
	return auth, nil
}

// explainSSH says why a server and we do not come together; empty if it is
// about something else.
func explainSSH(err error) string {
	var key *knownhosts.KeyError
	switch {
	case errors.As(err, &key) && len(key.Want) == 0:
		return "the host is not in known_hosts: add its key to the Secret, as `ssh-keyscan HOST` prints it and its owner publishes it"
	case errors.As(err, &key):
		return "its key is not the one in known_hosts: somebody may be in between; if the host has a new key, put it into the Secret"
	case strings.Contains(err.Error(), "unable to authenticate"):
		return "it does not let us in: register the public half of the Secret's ssh-privatekey with it"
	}
	return ""
}

// identityFor reads the key of a host from what creds has written.
func identityFor(config, host string) (string, error) {
	f, err := os.Open(config)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	of := ""
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		key, value, _ := strings.Cut(strings.TrimSpace(lines.Text()), " ")
		switch {
		case key == "Host":
			of = value
		case key == "IdentityFile" && of == host:
			return value, nil
		}
	}
	return "", lines.Err()
}
