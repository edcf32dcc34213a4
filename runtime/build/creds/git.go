package creds

import (
	"fmt"
	"net/url"
	"strings"
)

// CAFile, below home, holds further certificates that are trusted for git's
// https: the keys ca.crt of the Secrets.
const CAFile = ".sluice-ca.crt"

// git writes user names and passwords for https.
func (s Step) git(all []use) error {
	if len(all) == 0 {
		return nil
	}
	var store, config, ca strings.Builder
	config.WriteString("[credential]\n\thelper = store\n")
	for _, u := range all {
		at, err := url.Parse(u.url)
		if err != nil || at.Host == "" {
			return fmt.Errorf("the Secret %s is for %q, which is no URL: write it as https://github.com", u.secret, u.url)
		}
		user, err := s.value(u.secret, "username")
		if err != nil {
			return err
		}
		password, err := s.value(u.secret, "password")
		if err != nil {
			return err
		}
		at.User = url.UserPassword(user, password)
		store.WriteString(at.String() + "\n")
		fmt.Fprintf(&config, "[credential %q]\n\tusername = %s\n", u.url, user)
		if more, err := s.value(u.secret, "ca.crt"); err == nil { // optional: most servers need none
			ca.WriteString(more + "\n")
		}
	}
	if ca.Len() > 0 {
		if err := s.write(CAFile, ca.String(), 0o644); err != nil {
			return err
		}
		fmt.Fprintf(&config, "[http]\n\tsslCAInfo = %s/%s\n", s.Home, CAFile)
	}
	if err := s.write(".git-credentials", store.String(), 0o644); err != nil {
		return err
	}
	return s.write(".gitconfig", config.String(), 0o644)
}

// ssh writes keys, who they are for, and how the hosts are known. A Secret
// without known_hosts is refused: whoever answered first would be believed.
func (s Step) ssh(all []use) error {
	var config, known strings.Builder
	for _, u := range all {
		key, err := s.value(u.secret, "ssh-privatekey")
		if err != nil {
			return err
		}
		hosts, err := s.value(u.secret, "known_hosts")
		if err != nil {
			return fmt.Errorf("%w with the host's key, as `ssh-keyscan HOST` prints it and its owner publishes it", err)
		}
		name := ".ssh/id_" + u.secret
		if err := s.write(name, key+"\n", 0o600); err != nil {
			return err
		}
		host, port := sshHost(u.url)
		fmt.Fprintf(&config, "Host %s\n    HostName %s\n    IdentityFile %s/%s\n    StrictHostKeyChecking yes\n", host, host, s.Home, name)
		if port != "" {
			fmt.Fprintf(&config, "    Port %s\n", port)
		}
		known.WriteString(hosts + "\n")
	}
	if len(all) == 0 {
		return nil
	}
	if err := s.write(".ssh/known_hosts", known.String(), 0o644); err != nil {
		return err
	}
	return s.write(".ssh/config", config.String(), 0o644)
}

// sshHost is the host of an annotation: github.com, or ssh://git@host:22.
func sshHost(text string) (host, port string) {
	if u, err := url.Parse(text); err == nil && u.Hostname() != "" {
		return u.Hostname(), u.Port()
	}
	host, port, _ = strings.Cut(text, ":")
	return host, port
}
