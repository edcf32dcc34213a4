package git

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxSecret is the size of the largest credential file that is read.
const maxSecret = 1 << 20

// secret reads a credential file without the line break at its end.
func secret(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", &Error{Kind: ErrAuth, Cause: err, Advice: "check the path and the rights of the credential file"}
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxSecret))
	if err != nil {
		return "", fmt.Errorf("%s: %w", file, err)
	}
	return strings.TrimRight(string(content), "\r\n"), nil
}

// user is who we are: as configured, else as in the URL, else git.
func (a Auth) user(place location) string { return cmp.Or(a.Username, place.user, "git") }

// check refuses what would only fail, or leak, later.
func (a Auth) check(place location) error {
	https := a.PasswordFile != "" || a.BearerFile != "" || place.password != ""
	switch {
	case strings.HasPrefix(a.Username, "-"):
		return errors.New("the user must not begin with a dash")
	case place.scheme == "ssh" && a.KnownHostsFile == "":
		return errors.New("ssh needs a known_hosts file; make one with ssh-keyscan and compare its keys with what the host publishes")
	case place.scheme == "ssh" && a.SSHKeyFile == "":
		return errors.New("ssh needs a private key file; make one with ssh-keygen and register its .pub half as a deploy key")
	case place.scheme == "ssh" && https:
		return errors.New("a password or token has no use with ssh; remove it, or use https")
	case a.PasswordFile != "" && a.BearerFile != "":
		return errors.New("give a password or a bearer token, not both")
	case place.scheme == "http" && https && !place.loopback() && !a.AllowCleartext:
		return errors.New("credentials would travel in clear; use https or ssh")
	}
	return nil
}
